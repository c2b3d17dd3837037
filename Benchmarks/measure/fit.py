"""How the cost of a sample grows with the sockets: a straight line through logarithms."""

from dataclasses import dataclass
from math import log
from statistics import linear_regression
from typing import Mapping

# With fewer sockets the processes and the exporter itself are much of the cost.
FROM_SOCKETS = 10_000


@dataclass(frozen=True)
class PowerLaw:
    """Cost is a constant times sockets to the power of `exponent`."""

    exponent: float

    def growth(self, sockets: int, more: int) -> float:
        return (more / sockets) ** self.exponent


def power_law(cost_by_sockets: Mapping[int, float]) -> PowerLaw | None:
    """The least squares fit; nothing where there are too few loads."""
    points = [(log(sockets), log(cost)) for sockets, cost in cost_by_sockets.items() if sockets >= FROM_SOCKETS]
    return PowerLaw(linear_regression(*zip(*points)).slope) if len(points) > 1 else None
