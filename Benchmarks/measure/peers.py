"""What others take for what they can tell about the same sockets."""

import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Sequence

from .errors import CannotMeasure
from .programs import OwnPrograms, installed
from .server import Server

PORT = 9479

# A command that takes this long is run once: the noise is small beside it.
SLOW_SECONDS = 2.0


@dataclass(frozen=True)
class Cost:
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    stopped: bool = False  # at the time limit: it would have cost more


@dataclass(frozen=True)
class Tool:
    """Runs once, answers, ends."""

    name: str
    command: Sequence[str]
    slow: bool = False

    def measure(self, programs: OwnPrograms, build: Path, limit: int, rounds: int) -> Cost:
        command = [installed(self.command[0]), *self.command[1:]]
        costs: list[Cost] = []
        while len(costs) < rounds:
            costs.append(timed(command, programs.timed, limit))
            if costs[-1].stopped or costs[-1].cpu_seconds > SLOW_SECONDS:
                break
        return _median(costs)


@dataclass(frozen=True)
class Scraped:
    """Stays, and works when it is scraped."""

    name: str
    command: Sequence[str]
    slow: bool = False

    def measure(self, programs: OwnPrograms, build: Path, limit: int, rounds: int) -> Cost:
        command = [installed(self.command[0]), *self.command[1:]]
        with Server(command, PORT, build / "peer.log", patience=limit) as server:
            costs = [self._scrape(server, limit) for _ in range(rounds + 1)]
        return _median(costs[1:])

    def _scrape(self, server: Server, limit: int) -> Cost:
        server.wait_until_idle()
        used = server.cpu_seconds()
        url = f"http://127.0.0.1:{server.port}{server.path}"
        asked = time.monotonic()
        urllib.request.urlopen(url, timeout=limit).read()
        wall = time.monotonic() - asked
        server.wait_until_idle()
        return Cost(server.cpu_seconds() - used, wall, server.memory().peak)


def timed(command: Sequence[str | Path], timer: Path, limit: int) -> Cost:
    run = subprocess.run([timer, str(limit), *command], capture_output=True, text=True, check=True)
    cpu, wall, peak, status = run.stdout.split()
    if int(status) > 0:
        complaint = run.stderr.strip().splitlines()
        raise CannotMeasure(f"{command[0]} ended with status {status}: {complaint[-1] if complaint else ''}")
    return Cost(float(cpu), float(wall), int(peak) * 1024, stopped=int(status) < 0)


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        cpu_seconds=median(cost.cpu_seconds for cost in costs),
        wall_seconds=median(cost.wall_seconds for cost in costs),
        peak_bytes=max(cost.peak_bytes for cost in costs),
        stopped=any(cost.stopped for cost in costs),
    )


PEERS: list[Tool | Scraped] = [
    Scraped(
        "node_exporter, tcpstat only",
        [
            "prometheus-node-exporter",
            f"--web.listen-address=127.0.0.1:{PORT}",
            "--collector.disable-defaults",
            "--collector.tcpstat",
        ],
    ),
    Scraped(
        "process-exporter",
        [
            "prometheus-process-exporter",
            f"-web.listen-address=127.0.0.1:{PORT}",
            "-procnames=load-server,load-client",
            "-threads=false",
            "-gather-smaps=false",
        ],
    ),
    Tool("ss -tan", ["ss", "-tan"]),
    Tool("ss -tanp", ["ss", "-tanp"], slow=True),
    Tool("netstat -tan", ["netstat", "-tan"]),
    Tool("netstat -tanp", ["netstat", "-tanp"], slow=True),
    Tool("lsof -nPi", ["lsof", "-nPi"], slow=True),
]
