"""How often the exporter samples by default, and the share of a core that it takes then."""

import time
from dataclasses import dataclass, replace
from math import ceil
from typing import Mapping

from .exporter import DEFAULT_INTERVAL, Exporter

# Read from one dump, which the process collector needs as well unless it has BPF.
FROM_THE_DUMP = ("tcp", "listener", "port")


@dataclass(frozen=True)
class Spending:
    intervals: Mapping[str, float]  # by collector
    costs: Mapping[str, float]  # CPU of one sample, by collector
    window: float  # seconds for which the whole process was measured
    measured: float  # share of one core in that time
    dump_comes_along: bool  # with each sample of the process collector

    @property
    def is_computed(self) -> bool:
        """The rarest samples come too rarely to be waited for."""
        return max(self.intervals.values()) > self.window

    @property
    def share(self) -> float:
        """The share measured. Where that was too short for collectors that make longer pauses, it is
        that of the others, and theirs is what a sample costs over the time to the next."""
        if not self.is_computed:
            return self.measured
        return self.measured + sum(
            self.costs[collector] * self._samples_per_second(collector) for collector in self.rare
        )

    @property
    def rare(self) -> list[str]:
        """Collectors that make longer pauses than was measured for."""
        return [collector for collector, interval in self.intervals.items() if interval > self.window]

    @property
    def can_be_extrapolated(self) -> bool:
        """What was measured belongs to collectors whose cost does not grow with the sockets."""
        return self.is_computed and all(
            interval == DEFAULT_INTERVAL or interval > self.window for interval in self.intervals.values()
        )

    @property
    def sample_seconds(self) -> float:
        return sum(self.costs.values())

    def extrapolated(self, growth: float) -> "Spending":
        """With samples that cost so many times as much, and pauses as many times as long, in whole ticks."""
        intervals = {
            collector: ceil(self.intervals[collector] * growth / DEFAULT_INTERVAL) * DEFAULT_INTERVAL
            for collector in self.rare
        }
        costs = {collector: self.costs[collector] * growth for collector in self.rare}
        return replace(self, intervals={**self.intervals, **intervals}, costs={**self.costs, **costs})

    def _samples_per_second(self, collector: str) -> float:
        interval = self.intervals[collector]
        if self.dump_comes_along and collector in FROM_THE_DUMP and "process" in self.intervals:
            # Its pauses begin anew where it comes along.
            return ceil(self.intervals["process"] / interval) / self.intervals["process"]
        return 1 / interval


def measure(exporter: Exporter, patience: float) -> Spending:
    """From between two ticks, until each collector has run, or for two ticks where that takes too long.

    What a sample costs is that of the first: the dearest, for nothing is known of the processes yet.
    """
    page = exporter.page()
    intervals = page.by_collector("interval_seconds")
    longest, ticks = max(intervals.values()), 2 * DEFAULT_INTERVAL
    window = max(longest, ticks) if longest <= patience else ticks
    exporter.wait_until_idle()
    time.sleep(DEFAULT_INTERVAL / 2)
    used, began = exporter.cpu_seconds(), time.monotonic()
    time.sleep(window)
    exporter.page()
    measured = (exporter.cpu_seconds() - used) / (time.monotonic() - began)
    costs = page.by_collector("cpu_seconds_total")
    return Spending(intervals, costs, window, measured, dump_comes_along=not page.uses_bpf)
