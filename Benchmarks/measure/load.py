"""The sockets that are sampled."""

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator

from .errors import CannotMeasure
from .programs import OwnPrograms

# Processes beside those with sockets, each under a name of its own, so that the page measured is the
# page of a host and not of a test.
IDLE_PROCESSES = 60


@dataclass(frozen=True)
class Load:
    sockets: int
    processes: int

    @property
    def close_wait(self) -> int:
        """One in a hundred, and one for each server at least."""
        pairs = self.processes // 2
        return max(pairs, self.sockets // 100 // pairs * pairs) if self.sockets else 0


@contextmanager
def standing(load: Load, programs: OwnPrograms) -> Iterator[None]:
    numbers = [load.processes, load.sockets, load.close_wait, IDLE_PROCESSES]
    process = subprocess.Popen(
        [programs.load, *map(str, numbers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdin and process.stdout
        if process.stdout.readline() != b"ready\n":
            raise CannotMeasure(f"the load of {load.sockets:,} sockets could not be made")
        yield
    finally:
        process.communicate()
