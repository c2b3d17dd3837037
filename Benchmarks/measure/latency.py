"""How long a scrape takes, while a sample is being taken and at rest.

nginx is asked in turns with the exporter: what both of them show is the machine and the client.
"""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from .exporter import Exporter
from .nginx import serving

REQUESTS_PER_SECOND = 200


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
    sampler_busy: float  # the part of the time in which a sample was being taken


def measure(exporter: Exporter, build: Path, duration: float) -> Scrapes:
    timings: dict[str, list[float]] = {"kept": [], "fresh": [], "nginx": []}
    with serving(exporter.page().body, build) as nginx:
        with exporter.client() as kept, exporter.client() as fresh, nginx.client() as static:
            clients = {"kept": kept, "fresh": fresh, "nginx": static}
            for client in clients.values():
                client.get()
            # Away from any rhythm of the sampler, and always the same.
            pauses = random.Random(1)
            start, used = time.monotonic(), exporter.cpu_seconds()
            while time.monotonic() - start < duration:
                for name, client in clients.items():
                    time.sleep(pauses.uniform(0, 2 / REQUESTS_PER_SECOND))
                    if name == "fresh":
                        client.disconnect()
                    asked = time.perf_counter()
                    client.get()
                    timings[name].append(time.perf_counter() - asked)
            busy = (exporter.cpu_seconds() - used) / (time.monotonic() - start)
    return Scrapes(
        kept=Latency(timings["kept"]),
        fresh=Latency(timings["fresh"]),
        nginx=Latency(timings["nginx"]),
        sampler_busy=busy,
    )
