"""The sockets that are sampled."""

import resource
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from .errors import CannotMeasure
from .programs import OwnPrograms

# What a TCP connection on loopback takes of the kernel's memory for each of its two sockets, with room
# to spare, and what the tools measured need beside it.
BYTES_PER_SOCKET, BYTES_FOR_TOOLS = 6_000, 1_500_000_000

# Descriptors that a process of the load has beside its sockets, at most.
OTHER_DESCRIPTORS = 64

# The exporter reads what hardly changes of a process with each sample until the process is ten seconds
# old, and once a minute from then on.
SETTLED_AFTER = 10.5


@dataclass(frozen=True)
class Load:
    """Processes with TCP sockets, and processes beside them, so that the page measured is the page of a
    host and not of a test."""

    sockets: int
    processes: int
    idle: int = 60
    files: int = 8  # of each idle process
    mixed: int = 0  # sockets of all kinds in the idle processes

    @property
    def close_wait(self) -> int:
        """One in a hundred, and one for each server at least."""
        pairs = self.processes // 2
        return max(pairs, self.sockets // 100 // pairs * pairs) if self.sockets else 0


QUIET = Load(sockets=0, processes=0, idle=300, files=1, mixed=200)


def spread(sockets: int, processes: int) -> Load:
    """Over more processes than asked for where one may not have so many descriptors."""
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    while sockets > processes * (allowed - OTHER_DESCRIPTORS):
        processes *= 2
    return Load(sockets, processes)


class Standing:
    """A load that stands."""

    def __init__(self) -> None:
        self.since = time.monotonic()

    def settle(self) -> None:
        """Returns when its processes are old enough for the exporter to remember what they are."""
        time.sleep(max(0.0, self.since + SETTLED_AFTER - time.monotonic()))


@contextmanager
def standing(load: Load, programs: OwnPrograms) -> Iterator[Standing]:
    _require_memory(load)
    numbers = [load.processes, load.sockets, load.close_wait, load.idle, load.files, load.mixed]
    process = subprocess.Popen(
        [programs.load, *map(str, numbers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdin and process.stdout
        answer = process.stdout.readline().strip()
        if answer != "ready":
            raise CannotMeasure(f"the load could not be made: {answer or 'no answer'}")
        yield Standing()
    finally:
        process.communicate()


def _require_memory(load: Load) -> None:
    needed = load.sockets * BYTES_PER_SOCKET + BYTES_FOR_TOOLS
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(lines["MemAvailable"].split()[0]) * 1024
    if available < needed:
        raise CannotMeasure(f"needs {needed / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are available")
