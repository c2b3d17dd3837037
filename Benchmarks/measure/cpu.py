"""CPU of one sample against the C floor of the same work, in turns, so that both meet the same machine."""

import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Iterator, Sequence

from .errors import CannotMeasure
from .exporter import Exporter, Page, Sample
from .peers import Cost
from .server import memory_of


@dataclass(frozen=True)
class Pass:
    walk_seconds: float
    walk_wall_seconds: float
    dump_seconds: float
    dump_wall_seconds: float
    descriptors: int
    socket_descriptors: int
    tcp_sockets: int

    @property
    def cpu_seconds(self) -> float:
        return self.walk_seconds + self.dump_seconds

    @property
    def wall_seconds(self) -> float:
        return self.walk_wall_seconds + self.dump_wall_seconds


class Floor:
    def __init__(self, process: subprocess.Popen[str]):
        self.process = process

    def measure(self) -> Pass:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise CannotMeasure(f"the C floor failed: {self._last_words()}")
        answer = self.process.stdout.readline().split()
        if len(answer) != 7:
            raise CannotMeasure(f"the C floor failed: {self._last_words()}")
        return Pass(*map(float, answer[:4]), *map(int, answer[4:]))

    def _last_words(self) -> str:
        assert self.process.stderr
        lines = self.process.stderr.read().strip().splitlines()
        return lines[-1] if lines else "no output"

    def peak_bytes(self) -> int:
        return memory_of(self.process.pid).peak


@contextmanager
def floor(command: Sequence[Path]) -> Iterator[Floor]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    try:
        yield Floor(process)
    finally:
        with suppress(BrokenPipeError, ValueError):
            process.communicate()
        process.wait()


@dataclass(frozen=True)
class Comparison:
    """Rounds of one floor pass and one sample of the exporter each."""

    rounds: list[tuple[Pass, Sample]]
    floor_peak_bytes: int

    @property
    def last_pass(self) -> Pass:
        return self.rounds[-1][0]

    @property
    def page(self) -> Page:
        return self.rounds[-1][1].page

    @property
    def walk_seconds(self) -> float:
        return median(floor.walk_seconds for floor, _ in self.rounds)

    @property
    def dump_seconds(self) -> float:
        return median(floor.dump_seconds for floor, _ in self.rounds)

    @property
    def floor_seconds(self) -> float:
        return median(floor.cpu_seconds for floor, _ in self.rounds)

    @property
    def floor_costs(self) -> dict[str, Cost]:
        """Of each part alone, and of both; the memory is that of one program."""
        passes, peak = [floor for floor, _ in self.rounds], self.floor_peak_bytes
        walk_wall = median(floor.walk_wall_seconds for floor in passes)
        dump_wall = median(floor.dump_wall_seconds for floor in passes)
        return {
            "C floor: walk": Cost(self.walk_seconds, walk_wall, peak),
            "C floor: dump": Cost(self.dump_seconds, dump_wall, peak),
            "C floor": Cost(self.floor_seconds, median(floor.wall_seconds for floor in passes), peak),
        }

    @property
    def sample_seconds(self) -> float:
        return median(sample.cpu_seconds for _, sample in self.rounds)

    @property
    def collector_seconds(self) -> float:
        return median(sample.collector_cpu_seconds for _, sample in self.rounds)

    @property
    def attribution_seconds(self) -> float:
        """Of what it takes to know who holds which sockets without BPF: the walk, and the dump of all."""
        return median(sample.cpu_of("process", "tcp") for _, sample in self.rounds)

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def ratios(self) -> list[float]:
        return [sample.cpu_seconds / floor.cpu_seconds for floor, sample in self.rounds]

    @property
    def collector_ratio(self) -> float:
        return median(sample.collector_cpu_seconds / floor.cpu_seconds for floor, sample in self.rounds)


def compare(exporter: Exporter, floor: Floor, rounds: int) -> Comparison:
    samples = exporter.samples()
    measured = [(floor.measure(), next(samples)) for _ in range(rounds)]
    return Comparison(measured, floor.peak_bytes())
