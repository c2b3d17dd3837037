"""The programs the benchmark runs: its own, compiled here, and the peers, from Debian packages."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotMeasure

SOURCES = Path(__file__).parent.parent / "programs"
ROWS = SOURCES.parent.parent / "Sources/CSocketIterators/include"
KERNEL = SOURCES.parent.parent / "Sources/CSocketIterators/bpf"

PACKAGES = {
    "cc": "gcc",
    "clang": "clang",
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
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    # Clang comes with Swift, wherever that lies.
    path = shutil.which(name, path=f"{system}:{os.environ.get('PATH', '')}")
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


@dataclass(frozen=True)
class Iterators:
    """Commands that behave as the floor does, with the kernel's iterators."""

    task_file: list[Path]
    task: list[Path]


def compile_iterators(build: Path) -> Iterators:
    build.mkdir(parents=True, exist_ok=True)
    loader = build / "iterate"
    _run([installed("cc"), "-O2", "-Wall", "-Wextra", "-I", ROWS, "-o", loader, SOURCES / "iterate.c", "-lbpf"])
    objects = []
    for name in ("task_file", "task"):
        objects.append(build / f"{name}.bpf.o")
        options = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-ffreestanding", "-Wall", "-Wextra", "-I", ROWS, "-I", KERNEL]
        _run([installed("clang"), *options, "-c", SOURCES / f"{name}.bpf.c", "-o", objects[-1]])
    return Iterators([loader, objects[0]], [loader, objects[1]])


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotMeasure(f"{command[0]}: {done.stderr.strip().splitlines()[0]}")
