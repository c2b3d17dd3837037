"""One run: what is measured, in which order, at which load."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, TypeVar

from . import cpu, heap, latency, peers, throughput
from .cpu import Comparison
from .errors import CannotMeasure
from .exporter import Exporter
from .heap import Calls
from .latency import Scrapes
from .load import Load, standing
from .peers import PEERS, Cost
from .programs import OwnPrograms, compile_own, installed
from .server import Memory
from .throughput import Throughput

Result = TypeVar("Result")

DEFAULT_INTERVAL = 5.0


@dataclass(frozen=True)
class Plan:
    binary: Path
    build: Path
    steps: list[int]
    processes: int
    rounds: int
    limit: int
    quick: bool


@dataclass
class Rest:
    """The exporter on a host with processes, but no connections."""

    memory: Memory | None = None
    scrapes: Scrapes | None = None
    throughput: Throughput | None = None


@dataclass
class Step:
    """The exporter and its peers at one load."""

    load: Load
    cpu: Comparison | None = None
    memory: Memory | None = None
    once: Cost | None = None
    heap: Calls | None = None
    peers: dict[str, Cost] = field(default_factory=dict)
    scrapes: Scrapes | None = None


@dataclass
class Results:
    plan: Plan
    version: str = "of an unknown version"
    stripped_bytes: int | None = None
    rest: Rest = field(default_factory=Rest)
    steps: list[Step] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)


class Run:
    def __init__(self, plan: Plan):
        self.plan = plan
        self.results = Results(plan)
        self.programs: OwnPrograms = compile_own(plan.build)

    def everything(self) -> Results:
        self.results.stripped_bytes = self._attempt("the stripped binary", self._stripped_size)
        self._attempt("the exporter at rest", self._rest)
        for sockets in self.plan.steps:
            step = Step(Load(sockets, self.plan.processes))
            self.results.steps.append(step)
            self._attempt(f"{sockets:,} sockets", lambda: self._step(step))
        return self.results

    def _attempt(self, what: str, work: Callable[[], Result]) -> Result | None:
        """What cannot be measured is named in the report; the rest is measured all the same."""
        print(f"benchmark: {what}", file=sys.stderr, flush=True)
        try:
            return work()
        except (CannotMeasure, OSError, subprocess.SubprocessError) as error:
            print(f"benchmark: {what}: {error}", file=sys.stderr, flush=True)
            complaint = f"{what}: {error}"
            if complaint not in self.results.not_run:
                self.results.not_run.append(complaint)
            return None

    def _stripped_size(self) -> int:
        stripped = self.plan.build / "socket-exporter.stripped"
        subprocess.run([installed("strip"), "-o", stripped, self.plan.binary], check=True)
        return stripped.stat().st_size

    def _exporter(self, interval: float) -> Exporter:
        return Exporter(self.plan.binary, self.plan.build / "exporter.log", interval)

    def _rest(self) -> None:
        rest, build = self.results.rest, self.plan.build
        load = Load(0, self.plan.processes)
        with standing(load, self.programs), self._exporter(DEFAULT_INTERVAL) as exporter:
            page = exporter.warm_up()
            self.results.version = page.version
            page.require(load)
            rest.memory = exporter.memory()
            rest.scrapes = self._attempt(
                "scrapes at rest", lambda: latency.measure(exporter, build, duration=10, sampling=False)
            )
            rest.throughput = self._attempt(
                "wrk at rest", lambda: throughput.measure(exporter, build, rounds=3, seconds=3)
            )

    def _step(self, step: Step) -> None:
        at = f"at {step.load.sockets:,} sockets"
        with standing(step.load, self.programs), cpu.floor(self.programs.floor) as floor:
            # In the time between two samples a pass of the floor fits with room to spare.
            floor.measure()
            interval = max(0.5, round(4 * floor.measure().wall_seconds, 1))
            self._attempt(f"CPU and memory {at}", lambda: self._sampling(step, floor, interval))
            if step.load.sockets == max(self.plan.steps):
                step.scrapes = self._attempt(f"scrapes while sampling {at}", lambda: self._scrapes(step))
            step.heap = self._attempt(f"heap calls {at}", lambda: self._heap(interval))
            step.once = self._attempt(f"one-shot `metrics` {at}", self._once)
            for peer in PEERS:
                if not (peer.slow and self.plan.quick):
                    self._peer(step, peer)

    def _sampling(self, step: Step, floor: cpu.Floor, interval: float) -> None:
        with self._exporter(interval) as exporter:
            exporter.warm_up()
            step.cpu = cpu.compare(exporter, floor, self.plan.rounds)
            step.cpu.page.require(step.load)
            step.memory = exporter.memory()

    def _scrapes(self, step: Step) -> Scrapes:
        """Samples follow each other with hardly a pause."""
        if not step.cpu:
            raise CannotMeasure("how long a sample takes is not known")
        duration = step.cpu.page.sample_duration_seconds
        with self._exporter(max(0.1, round(1.2 * duration, 2))) as exporter:
            scrapes = latency.measure(exporter, self.plan.build, duration=30, sampling=True)
            exporter.page().require(step.load)
        return scrapes

    def _heap(self, interval: float) -> Calls:
        return heap.measure(self.plan.binary, self.programs, self.plan.build, interval)

    def _once(self) -> Cost:
        return peers.timed([self.plan.binary, "metrics"], self.programs.timed, self.plan.limit)

    def _peer(self, step: Step, peer: peers.Tool | peers.Scraped) -> None:
        cost = self._attempt(
            peer.name,
            lambda: peer.measure(self.programs, self.plan.build, self.plan.limit, min(3, self.plan.rounds)),
        )
        if cost:
            step.peers[peer.name] = cost
