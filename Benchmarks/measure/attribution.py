"""CPU of knowing who holds which sockets, with BPF, against the C floors of that, in turns.

The exporter runs without the collectors that ask for all TCP sockets. What it does then is its own pass
over the descriptors, and the processes read from /proc; the socket tables it asks once, at the start.
"""

from dataclasses import dataclass
from statistics import median

from .cpu import Floor, Pass
from .exporter import Exporter, Sample
from .load import Load
from .peers import Cost

ALONE = ("--no-collector.tcp", "--no-collector.listener", "--no-collector.port")

TASK_FILE, TASK = "C floor: task_file", "C floor: task, no references"


@dataclass(frozen=True)
class Round:
    task_file: Pass
    task: Pass | None
    sample: Sample

    @property
    def seconds(self) -> float:
        return self.sample.cpu_of("process")


@dataclass(frozen=True)
class Attribution:
    rounds: list[Round]
    peak_bytes: int
    floor_peak_bytes: int

    @property
    def seconds(self) -> float:
        return median(round.seconds for round in self.rounds)

    @property
    def task_file_seconds(self) -> float:
        return median(round.task_file.cpu_seconds for round in self.rounds)

    @property
    def task_seconds(self) -> float | None:
        passes = [round.task.cpu_seconds for round in self.rounds if round.task]
        return median(passes) if passes else None

    @property
    def ratios(self) -> list[float]:
        return [round.seconds / round.task_file.cpu_seconds for round in self.rounds]

    @property
    def floor_costs(self) -> dict[str, Cost]:
        found = {TASK_FILE: [round.task_file for round in self.rounds]}
        found[TASK] = [round.task for round in self.rounds if round.task]
        return {
            name: Cost(
                median(floor.cpu_seconds for floor in passes),
                median(floor.wall_seconds for floor in passes),
                self.floor_peak_bytes,
            )
            for name, passes in found.items()
            if passes
        }

    @property
    def cost(self) -> Cost:
        durations = [round.sample.page.by_collector("duration_seconds")["process"] for round in self.rounds]
        return Cost(self.seconds, median(durations), self.peak_bytes)


def compare(exporter: Exporter, load: Load, task_file: Floor, task: Floor | None, rounds: int) -> Attribution:
    samples = exporter.samples()
    measured = [
        Round(task_file.measure(), task.measure() if task else None, next(samples)) for _ in range(rounds)
    ]
    measured[-1].sample.page.require_bpf().require_holders(load)
    return Attribution(measured, exporter.memory().peak, task_file.peak_bytes())
