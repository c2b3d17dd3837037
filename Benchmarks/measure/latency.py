"""How long a scrape takes while a sample is being taken, and otherwise.

nginx is asked in turns with the exporter: what both of them show is the machine and the client.
"""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from .errors import CannotMeasure
from .exporter import Exporter
from .nginx import serving

# Seconds between one request and the next: away from any rhythm of the sampler, and always the same.
PAUSES = (0.002, 0.006)

# The exporter is sampling when, in the pause before a request, it had a CPU for this part of the time.
# Answering the requests themselves takes it less than a tenth of that.
SAMPLING = 0.1

# Fewer requests have no 99th percentile to speak of.
ENOUGH_REQUESTS = 100


@dataclass(frozen=True)
class Latency:
    seconds: list[float]

    def percentile(self, percent: int) -> float:
        return quantiles(self.seconds, n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True)
class Scrapes:
    kept: Latency  # on one connection, as Prometheus scrapes
    fresh: Latency  # each on a connection of its own
    nginx: Latency  # the same bytes, on one connection


def measure(exporter: Exporter, build: Path, duration: float, sampling: bool) -> Scrapes:
    """Asks for `duration` seconds and keeps the requests made while the exporter was sampling, or not."""
    timings: dict[str, list[float]] = {"kept": [], "fresh": [], "nginx": []}
    pauses = random.Random(1)
    with serving(exporter.page().body, build) as nginx:
        with exporter.client() as kept, exporter.client() as fresh, nginx.client() as static:
            clients = {"kept": kept, "fresh": fresh, "nginx": static}
            for client in clients.values():
                client.get()
            end = time.monotonic() + duration
            while time.monotonic() < end:
                for name, client in clients.items():
                    was_sampling = _pause(exporter, pauses.uniform(*PAUSES))
                    if name == "fresh":
                        client.disconnect()
                    asked = time.perf_counter()
                    client.get()
                    taken = time.perf_counter() - asked
                    if was_sampling == sampling:
                        timings[name].append(taken)
    if min(map(len, timings.values())) < ENOUGH_REQUESTS:
        raise CannotMeasure("too few requests met a sample" if sampling else "the exporter is never at rest")
    return Scrapes(**{name: Latency(seconds) for name, seconds in timings.items()})


def _pause(exporter: Exporter, seconds: float) -> bool:
    """Tells whether the exporter was sampling meanwhile."""
    began, used = time.monotonic(), exporter.cpu_seconds()
    time.sleep(seconds)
    return exporter.cpu_seconds() - used > SAMPLING * (time.monotonic() - began)
