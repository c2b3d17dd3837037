"""One run: what is measured, in which order, at which load."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Sequence, TypeVar

from . import attribution, budget, cpu, heap, latency, peers, throughput
from .attribution import Attribution
from .budget import Spending
from .cpu import Comparison
from .errors import CannotMeasure
from .exporter import DEFAULT_INTERVAL, Exporter
from .fit import PowerLaw, power_law
from .heap import Calls
from .latency import Scrapes
from .load import QUIET, Load, Standing, spread, standing
from .peers import PEERS, Cost
from .programs import Iterators, OwnPrograms, compile_iterators, compile_own, installed
from .server import Memory
from .throughput import Throughput

Result = TypeVar("Result")

# Scrapes and heap calls are measured at no more than so many sockets; what they show does not change.
FULL = 200_000

# Shares of the budget are measured where it takes no longer than this.
BUDGET_PATIENCE, QUICK_BUDGET_PATIENCE = 60, 10

# By default the exporter chooses its backend itself, which is BPF where it is measured at all.
BPF, PROCFS = (), ("--backend=procfs",)

ONE_SAMPLE, ONCE = "socket-exporter, one sample", "socket-exporter metrics"
ATTRIBUTION = "socket-exporter, attribution alone"
ONE_SAMPLE_PROCFS, ONCE_PROCFS = f"{ONE_SAMPLE}, procfs", f"{ONCE}, procfs"
OURS = (ATTRIBUTION, ONE_SAMPLE, ONCE, ONE_SAMPLE_PROCFS, ONCE_PROCFS)


@dataclass(frozen=True)
class Plan:
    binary: Path
    build: Path
    steps: list[int]
    processes: int
    rounds: int
    limit: int
    quick: bool

    @property
    def full(self) -> int:
        """The largest step that everything is measured at."""
        return max((step for step in self.steps if step <= FULL), default=min(self.steps))

    def rounds_at(self, sockets: int) -> int:
        """Fewer where one takes long: the noise is smaller there."""
        return min(self.rounds, max(3, 1_000_000 // sockets))


@dataclass
class Rest:
    """The exporter on a host with processes, but no connections."""

    memory: Memory | None = None
    memory_bpf: Memory | None = None
    scrapes: Scrapes | None = None
    throughput: Throughput | None = None


@dataclass
class Backend:
    """The exporter with one backend at one load."""

    cpu: Comparison | None = None
    memory: Memory | None = None
    once: Cost | None = None
    budget: Spending | None = None

    @property
    def sample_cost(self) -> Cost | None:
        if not self.cpu or not self.memory:
            return None
        return Cost(self.cpu.sample_seconds, self.cpu.page.sample_duration_seconds, self.memory.peak)


@dataclass
class Step:
    """The exporter and its peers at one load."""

    load: Load
    procfs: Backend = field(default_factory=Backend)
    bpf: Backend = field(default_factory=Backend)
    attribution: Attribution | None = None  # with BPF
    heap: Calls | None = None
    peers: dict[str, Cost] = field(default_factory=dict)
    not_started: dict[str, str] = field(default_factory=dict)  # peers, and why
    scrapes: Scrapes | None = None

    @property
    def ours(self) -> Comparison | None:
        """What the exporter does by default."""
        return self.bpf.cpu or self.procfs.cpu

    @property
    def costs(self) -> dict[str, Cost]:
        """Of all programs, by name."""
        costs: dict[str, Cost | None] = {}
        if self.attribution:
            costs |= {**self.attribution.floor_costs, ATTRIBUTION: self.attribution.cost}
        costs |= {ONE_SAMPLE: self.bpf.sample_cost, ONCE: self.bpf.once}
        costs |= self.procfs.cpu.floor_costs if self.procfs.cpu else {}
        costs |= {ONE_SAMPLE_PROCFS: self.procfs.sample_cost, ONCE_PROCFS: self.procfs.once, **self.peers}
        return {name: cost for name, cost in costs.items() if cost}


@dataclass
class Results:
    plan: Plan
    version: str = "of an unknown version"
    stripped_bytes: int | None = None
    rest: Rest = field(default_factory=Rest)
    quiet: Comparison | None = None
    steps: list[Step] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)

    @property
    def full(self) -> Step:
        return next(step for step in self.steps if step.load.sockets == self.plan.full)

    @property
    def cost_growth(self) -> PowerLaw | None:
        """Of the exporter's CPU with the sockets, with the procfs backend."""
        return power_law({step.load.sockets: cpu.sample_seconds for step in self.steps if (cpu := step.procfs.cpu)})

    @property
    def floor_growth(self) -> PowerLaw | None:
        return power_law({step.load.sockets: cpu.floor_seconds for step in self.steps if (cpu := step.procfs.cpu)})

    def spending_at(self, sockets: int) -> Spending | None:
        """Extrapolated from the largest load, where pauses had grown already."""
        most, growth = self.steps[-1], self.cost_growth
        spending = most.procfs.budget
        if not growth or not spending or not spending.can_be_extrapolated:
            return None
        return spending.extrapolated(growth.growth(most.load.sockets, sockets))


class Run:
    def __init__(self, plan: Plan):
        self.plan = plan
        self.results = Results(plan)
        self.programs: OwnPrograms = compile_own(plan.build)
        self.iterators: Iterators | None = None  # where the kernel refuses BPF
        self.began = time.monotonic()

    def everything(self) -> Results:
        self.results.stripped_bytes = self._attempt("the stripped binary", self._stripped_size)
        self.iterators = self._attempt("BPF", self._iterators)
        self._attempt("the exporter at rest", self._rest)
        self.results.quiet = self._attempt("a quiet host", self._quiet)
        for sockets in self.plan.steps:
            step = Step(spread(sockets, self.plan.processes))
            self.results.steps.append(step)
            self._attempt(f"{sockets:,} sockets", lambda: self._step(step))
        return self.results

    def _attempt(self, what: str, work: Callable[[], Result]) -> Result | None:
        """What cannot be measured is named in the report; the rest is measured all the same."""
        print(f"benchmark: {time.monotonic() - self.began:3.0f} s: {what}", file=sys.stderr, flush=True)
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

    def _iterators(self) -> Iterators:
        """Fails where the exporter cannot use them either."""
        command = [self.plan.binary, "metrics", "--backend=bpf"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            complaint = done.stderr.strip().splitlines()
            raise CannotMeasure(complaint[-1] if complaint else "no output")
        return compile_iterators(self.plan.build)

    def _exporter(self, interval: float | None, *arguments: str) -> Exporter:
        return Exporter(self.plan.binary, self.plan.build / "exporter.log", interval, arguments)

    def _rest(self) -> None:
        rest, build = self.results.rest, self.plan.build
        load = Load(0, self.plan.processes)
        with standing(load, self.programs) as host, self._exporter(DEFAULT_INTERVAL, *PROCFS) as exporter:
            host.settle()
            page = exporter.warm_up()
            self.results.version = page.version
            page.require(load)
            rest.memory = exporter.memory()
            rest.scrapes = self._attempt(
                "scrapes at rest", lambda: latency.measure(exporter, build, duration=10, sampling=False)
            )
            rest.throughput = self._attempt(
                "wrk at rest", lambda: throughput.measure(exporter, build, rounds=3, seconds=2)
            )

        if self.iterators:
            with standing(load, self.programs) as host, self._exporter(DEFAULT_INTERVAL) as exporter:
                host.settle()
                exporter.warm_up().require_bpf().require(load)
                rest.memory_bpf = exporter.memory()

    def _quiet(self) -> Comparison:
        with standing(QUIET, self.programs) as host, cpu.floor([self.programs.floor]) as floor:
            host.settle()
            with self._exporter(0.5, *PROCFS) as exporter:
                exporter.warm_up()
                comparison = cpu.compare(exporter, floor, 3 * self.plan.rounds)
        comparison.page.require(QUIET)
        return comparison

    def _step(self, step: Step) -> None:
        with standing(step.load, self.programs) as host:
            self._measure(step, host)

    def _measure(self, step: Step, host: Standing) -> None:
        at = f"at {step.load.sockets:,} sockets"
        self._once(step, at)
        self._peers(step, slow=False)
        host.settle()
        interval = self._attempt(f"procfs: CPU and memory {at}", lambda: self._procfs(step))
        if self.iterators:
            self._attempt(f"BPF: CPU and memory {at}", lambda: self._bpf(step))
        if interval and step.load.sockets <= self.plan.full:
            step.heap = self._attempt(f"heap calls {at}", lambda: self._heap(interval))
        if step.load.sockets == self.plan.full:
            step.scrapes = self._attempt(f"scrapes while sampling {at}", lambda: self._scrapes(step))
        step.procfs.budget = self._attempt(f"procfs: CPU budget {at}", lambda: self._budget(PROCFS))
        if self.iterators:
            step.bpf.budget = self._attempt(f"BPF: CPU budget {at}", lambda: self._budget(BPF))
        if not self.plan.quick:
            self._peers(step, slow=True)

    def _once(self, step: Step, at: str) -> None:
        def timed(arguments: Sequence[str]) -> Cost:
            return peers.timed([self.plan.binary, "metrics", *arguments], self.programs.timed, self.plan.limit)

        step.procfs.once = self._attempt(f"one-shot `metrics`, procfs, {at}", lambda: timed(PROCFS))
        if self.iterators:
            step.bpf.once = self._attempt(f"one-shot `metrics` {at}", lambda: timed(BPF))

    def _procfs(self, step: Step) -> float:
        """Returns the interval: in the time between two samples a pass of the floor fits with room to spare."""
        with cpu.floor([self.programs.floor]) as floor:
            floor.measure()
            interval = max(0.5, round(2.5 * floor.measure().wall_seconds, 1))
            self._sampling(step, step.procfs, floor, interval, PROCFS)
        return interval

    def _bpf(self, step: Step) -> None:
        assert self.iterators
        dumping, at = step.procfs.cpu, f"at {step.load.sockets:,} sockets"
        if not dumping:
            raise CannotMeasure("how long a dump takes is not known")
        with cpu.floor(self.iterators.task_file) as floor, cpu.floor(self.iterators.task) as unreferenced:
            floor.measure()
            interval = max(0.5, round(2.5 * (floor.measure().wall_seconds + dumping.dump_seconds), 1))
            self._sampling(step, step.bpf, floor, interval, BPF)
            assert step.bpf.cpu
            step.bpf.cpu.page.require_bpf()
            # It needs a newer kernel than all the rest.
            has_task = self._attempt(f"the floor without references {at}", unreferenced.measure) is not None
            with self._exporter(interval, *BPF, *attribution.ALONE) as exporter:
                exporter.warm_up()
                step.attribution = attribution.compare(
                    exporter,
                    step.load,
                    floor,
                    unreferenced if has_task else None,
                    self.plan.rounds_at(step.load.sockets),
                )

    def _sampling(
        self, step: Step, backend: Backend, floor: cpu.Floor, interval: float, arguments: Sequence[str]
    ) -> None:
        with self._exporter(interval, *arguments) as exporter:
            exporter.warm_up()
            backend.cpu = cpu.compare(exporter, floor, self.plan.rounds_at(step.load.sockets))
            backend.cpu.page.require(step.load)
            backend.memory = exporter.memory()

    def _budget(self, arguments: Sequence[str]) -> Spending:
        with self._exporter(None, *arguments) as exporter:
            return budget.measure(exporter, QUICK_BUDGET_PATIENCE if self.plan.quick else BUDGET_PATIENCE)

    def _scrapes(self, step: Step) -> Scrapes:
        """Samples follow each other with hardly a pause."""
        if not step.procfs.cpu:
            raise CannotMeasure("how long a sample takes is not known")
        duration = step.procfs.cpu.page.sample_duration_seconds
        with self._exporter(max(0.1, round(1.2 * duration, 2)), *PROCFS) as exporter:
            scrapes = latency.measure(exporter, self.plan.build, duration=20, sampling=True)
            exporter.page().require(step.load)
        return scrapes

    def _heap(self, interval: float) -> Calls:
        return heap.measure(self.plan.binary, PROCFS, self.programs, self.plan.build, interval)

    def _peers(self, step: Step, slow: bool) -> None:
        for peer in PEERS:
            if peer.slow != slow:
                continue
            if reason := self._hopeless(step, peer):
                step.not_started[peer.name] = reason
                continue
            rounds = max(1, self.plan.rounds_at(step.load.sockets) // 2)
            cost = self._attempt(
                f"{peer.name} at {step.load.sockets:,} sockets",
                lambda: peer.measure(self.programs, self.plan.build, self.plan.limit, rounds),
            )
            if cost:
                step.peers[peer.name] = cost

    def _hopeless(self, step: Step, peer: peers.Tool | peers.Scraped) -> str | None:
        """Why a tool cannot answer within the limit, going by the largest load that it was tried at."""
        tried = [earlier for earlier in self.results.steps if peer.name in earlier.peers]
        if not tried:
            return None
        cost, sockets = tried[-1].peers[peer.name], tried[-1].load.sockets
        if cost.wall_seconds * step.load.sockets / sockets <= self.plan.limit:
            return None
        return f"{'> ' if cost.stopped else ''}{cost.wall_seconds:.1f} s at {sockets:,} sockets"
