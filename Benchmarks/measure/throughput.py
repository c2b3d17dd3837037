"""Requests per second under wrk, in turns with nginx serving the same bytes."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .errors import CannotMeasure
from .exporter import Exporter
from .nginx import serving
from .programs import installed
from .server import Server

CONNECTIONS = 25


@dataclass(frozen=True)
class Throughput:
    rounds: list[tuple[float, float]]  # requests per second: exporter, nginx
    page_bytes: int

    @property
    def exporter(self) -> float:
        return median(ours for ours, _ in self.rounds)

    @property
    def nginx(self) -> float:
        return median(nginx for _, nginx in self.rounds)

    @property
    def ratios(self) -> list[float]:
        return [ours / nginx for ours, nginx in self.rounds]


def measure(exporter: Exporter, build: Path, rounds: int, seconds: int) -> Throughput:
    wrk = installed("wrk")
    body = exporter.page().body
    with serving(body, build) as nginx:
        return Throughput(
            rounds=[
                (_requests_per_second(wrk, exporter, seconds), _requests_per_second(wrk, nginx, seconds))
                for _ in range(rounds)
            ],
            page_bytes=len(body),
        )


def _requests_per_second(wrk: str, server: Server, seconds: int) -> float:
    url = f"http://127.0.0.1:{server.port}{server.path}"
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for complaint in ("Non-2xx", "Socket errors"):
        if complaint in output:
            raise CannotMeasure(f"{server.name} under wrk: {output[output.index(complaint):].splitlines()[0]}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if not found:
        raise CannotMeasure(f"wrk said nothing about {server.name}")
    return float(found[1])
