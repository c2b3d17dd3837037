"""Heap calls of a sample, which must not grow with the sockets sampled."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Mapping, Sequence

from .exporter import Exporter, HeapCalls
from .programs import OwnPrograms


@dataclass(frozen=True)
class Calls:
    once: int  # `socket-exporter metrics`: from start to end
    sample: int  # one more sample of a running exporter, with its pages and one scrape
    page_bytes: int


def measure(
    binary: Path, arguments: Sequence[str], programs: OwnPrograms, build: Path, interval: float
) -> Calls:
    count = HeapCalls(programs.heapcount, build / "heap-calls")
    once = subprocess.run(
        [binary, "metrics", *arguments], env={**os.environ, **count.environment}, capture_output=True, check=True
    )
    calls_once = count.read()

    count = HeapCalls(programs.heapcount, build / "heap-calls")
    with Exporter(binary, build / "heap.log", interval, arguments, environment=count.environment) as exporter:
        exporter.warm_up()
        samples = exporter.samples(count)
        calls = [next(samples).heap_calls for _ in range(3)]
    return Calls(once=calls_once, sample=round(median(calls)), page_bytes=len(once.stdout))


def growth_per_socket(calls: Mapping[int, int]) -> float:
    """Calls per additional socket, from the smallest load to the largest."""
    least, most = min(calls), max(calls)
    return (calls[most] - calls[least]) / (most - least) if most > least else 0.0
