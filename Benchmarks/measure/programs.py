"""The programs the benchmark runs: its own, compiled here, and the peers, from Debian packages."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotMeasure

SOURCES = Path(__file__).parent.parent / "programs"

PACKAGES = {
    "cc": "gcc",
    "lsof": "lsof",
    "netstat": "net-tools",
    "nginx": "nginx-light",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "prometheus-process-exporter": "prometheus-process-exporter",
    "ss": "iproute2",
    "strip": "binutils",
    "wrk": "wrk",
}


class NotInstalled(CannotMeasure):
    def __init__(self, name: str):
        super().__init__(f"`{name}` is not installed: apt-get install {PACKAGES[name]}")


def installed(name: str) -> str:
    path = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise NotInstalled(name)
    return path


@dataclass(frozen=True)
class OwnPrograms:
    load: Path
    floor: Path
    timed: Path
    heapcount: Path


def compile_own(build: Path) -> OwnPrograms:
    compiler = [installed("cc"), "-O2", "-Wall", "-Wextra"]
    build.mkdir(parents=True, exist_ok=True)
    for name in ("load", "floor", "timed"):
        subprocess.run([*compiler, "-o", build / name, SOURCES / f"{name}.c"], check=True)
    shared = build / "heapcount.so"
    subprocess.run([*compiler, "-shared", "-fPIC", "-o", shared, SOURCES / "heapcount.c"], check=True)
    return OwnPrograms(build / "load", build / "floor", build / "timed", shared)
