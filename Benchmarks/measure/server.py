"""A server under measurement: the exporter, a peer, or nginx."""

import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

from .errors import CannotMeasure
from .http import Client

CPUCLOCK_SCHED = 2


class ServerFailed(CannotMeasure):
    pass


@dataclass(frozen=True)
class Memory:
    """Resident memory in bytes. `file` is mapped from files: clean, shared, given back under pressure."""

    resident: int
    anonymous: int
    peak: int

    @property
    def file(self) -> int:
        return self.resident - self.anonymous


class Server:
    def __init__(
        self,
        command: Sequence[str | Path],
        port: int,
        log: Path,
        path: str = "/metrics",
        environment: Mapping[str, str] | None = None,
        patience: float = 60,
    ):
        self.name = Path(command[0]).name
        self.port = port
        self.path = path
        self.patience = patience
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
            )

    def __enter__(self) -> "Server":
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerFailed(f"{self.name} ended at once: {self.last_words()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise ServerFailed(f"{self.name} does not listen on port {self.port}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no output"

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def client(self, timeout: float | None = None) -> Client:
        return Client(self.port, self.path, timeout or self.patience)

    def cpu_seconds(self) -> float:
        """CPU time of all its threads, also those that ended, to the nanosecond."""
        return time.clock_gettime((~self.process.pid << 3) | CPUCLOCK_SCHED)

    def is_running_on_a_cpu(self) -> bool:
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                state = (task / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue  # the thread ended
            if state in "RD":
                return True
        return False

    def wait_until_idle(self, quiet: float = 0.1) -> None:
        """Returns when no thread has wanted a CPU and none has been used for `quiet` seconds."""
        deadline = time.monotonic() + self.patience
        used, since = self.cpu_seconds(), time.monotonic()
        while time.monotonic() < deadline:
            time.sleep(quiet / 10)
            now = self.cpu_seconds()
            if now != used or self.is_running_on_a_cpu():
                used, since = now, time.monotonic()
            elif time.monotonic() - since >= quiet:
                return
        raise ServerFailed(f"{self.name} is never idle")

    def memory(self) -> Memory:
        return memory_of(self.process.pid)


def memory_of(pid: int) -> Memory:
    kilobytes = {}
    for file in ("smaps_rollup", "status"):
        text = Path(f"/proc/{pid}/{file}").read_text()
        kilobytes |= dict(re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE))
    return Memory(
        resident=int(kilobytes["Rss"]) * 1024,
        anonymous=int(kilobytes["Anonymous"]) * 1024,
        peak=int(kilobytes["VmHWM"]) * 1024,
    )
