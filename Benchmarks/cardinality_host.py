"""Hosts made of real processes and sockets, and how many series the exporter has for each."""

import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from measure import sandbox
from measure.http import BadAnswer
from measure.programs import installed
from measure.server import Server

PORT = 9477
PR_SET_NAME = 15
SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)

NAME = "cardinality"
# The exporter, its port, and who scrapes it: their states are those that the scrape happens to be in.
OWN = re.compile(rf'(process|parent)="({NAME}|socket-exporter)"|port="{PORT}"|destination="127.0.0.1:{PORT}"')

Families = Counter[str]


class Host:
    """Processes that hold what they are told to, until the host ends."""

    def __init__(self) -> None:
        self.pids: list[int] = []
        self.namespaces: list[str] = []

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
        for pid in self.pids:
            os.waitpid(pid, 0)
        # What those have left, zombies among them.
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        for name in self.namespaces:
            subprocess.run([installed("ip"), "netns", "delete", name], check=True)

    def process(self, name: str, hold: Callable[[], object] = lambda: None, namespace: str = "") -> None:
        """Starts a process of this name; returns when it holds what it shall hold."""
        ready, done = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                sandbox.libc.prctl(sandbox.PR_SET_PDEATHSIG, signal.SIGKILL)
                sandbox.libc.prctl(PR_SET_NAME, name.encode())
                for signum in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(signum, signal.SIG_DFL)
                # Only what the process holds itself shall be seen.
                os.closerange(3, done)
                os.closerange(done + 1, 64)
                if namespace:
                    enter(namespace)
                held = hold()
                os.write(done, b"!")
                while True:
                    signal.pause()
            finally:
                os._exit(1)
        self.pids.append(pid)
        os.close(done)
        try:
            if os.read(ready, 1) != b"!":
                raise RuntimeError(f"the process {name} did not come up")
        finally:
            os.close(ready)

    def namespace(self, name: str) -> str:
        subprocess.run([installed("ip"), "netns", "add", name], check=True)
        self.namespaces.append(name)
        subprocess.run([installed("ip"), "-n", name, "link", "set", "lo", "up"], check=True)
        return name


def enter(namespace: str) -> None:
    with open(f"/run/netns/{namespace}") as file:
        if sandbox.libc.setns(file.fileno(), sandbox.CLONE_NEWNET) != 0:
            raise OSError(f"setns {namespace}")


def listeners(ports: Sequence[int], address: str = "127.0.0.1") -> list[socket.socket]:
    return [socket.create_server((address, port), backlog=128) for port in ports]


def connections(listener: socket.socket, count: int, closed: int = 0) -> list[socket.socket]:
    """Connects and accepts; the first ones are closed by the client, and stay in CLOSE_WAIT."""
    held = []
    for number in range(count):
        client = socket.create_connection(listener.getsockname())
        held.append(listener.accept()[0])
        if number < closed:
            client.close()
        else:
            held.append(client)
    return held


def families(binary: Path, log: Path, *flags: str, own: bool) -> Families:
    """Series by family on a page of an exporter that is started for this; those that speak of the measurement
    itself only where asked for."""
    with Exporter(binary, log, *flags) as exporter:
        return Counter(name for name, labels in exporter.series() if own or not OWN.search(labels))


class Exporter(Server):
    def __init__(self, binary: Path, log: Path, *flags: str):
        command = [binary, "serve", f"--web.listen-address=127.0.0.1:{PORT}", "--collect.interval=1s"]
        super().__init__([*command, "--collect.cpu-budget=off", *flags], PORT, log)

    def series(self) -> list[tuple[str, str]]:
        """Names and labels on a page, when it has been scraped before: the first page counts no request."""
        deadline = time.monotonic() + self.patience
        pages = 0
        while pages < 2:
            if time.monotonic() > deadline:
                raise RuntimeError("the exporter serves no page")
            try:
                with self.client() as client:
                    page = client.get().decode()
                pages += 1
            except BadAnswer:
                pass  # not ready
            # The counters of requests are as old as the first scrape after a sample.
            time.sleep(0.1 if pages == 0 else 1.1)
        return SERIES.findall(page)


@dataclass(frozen=True)
class Unit:
    """Something a host has any number of, each of which has series."""

    name: str
    build: Callable[[Host, int], None]
    step: int
    flags: tuple[str, ...] = ()


def _idle_groups(host: Host, count: int) -> None:
    for number in range(count):
        host.process(f"idle-{number}")


def _states_of_groups(host: Host, count: int) -> None:
    host.process("server", lambda: (server := listeners([9500])[0], connections(server, 1)))
    for number in range(60):
        def hold(number: int = number) -> object:
            return socket.create_connection(("127.0.0.1", 9500)) if number < count else None

        host.process(f"group-{number}", hold)


def _listeners(host: Host, count: int) -> None:
    host.process("server", lambda: [listeners([9500], f"127.0.0.{1 + n}") for n in range(count)])


def _ports(host: Host, count: int) -> None:
    host.process("server", lambda: listeners(range(9500, 9500 + count)))


def _states_of_ports(host: Host, count: int) -> None:
    def hold() -> object:
        servers = listeners(range(9500, 9560))
        return servers, [connections(server, 1) for server in servers[:count]]

    host.process("server", hold)


def _destinations(host: Host, count: int) -> None:
    def hold() -> object:
        servers = [listeners([9500], f"127.0.0.{1 + n}")[0] for n in range(10)]
        return servers, [connections(server, 1) for server in servers[:count]]

    host.process("client", hold)


def _holders(host: Host, count: int) -> None:
    for _ in range(count):
        host.process("holder", lambda: socket.socket(socket.AF_UNIX))


def _leaking_pids(host: Host, count: int) -> None:
    for number in range(16):
        def hold(number: int = number) -> object:
            server = listeners([9500 + number])[0]
            return server, connections(server, 2, closed=1 if number < count else 0)

        host.process("leaker", hold)


def _leaking_groups(host: Host, count: int) -> None:
    for number in range(20):
        def hold(number: int = number) -> object:
            server = listeners([9500 + number])[0]
            return server, connections(server, 2, closed=1 if number < count else 0)

        host.process(f"leaker-{number}", hold)


def _parents_of_zombies(host: Host, count: int) -> None:
    def bear() -> None:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

    for number in range(12):
        host.process(f"parent-{number}", bear if number < count else lambda: None)


def _namespaces(host: Host, count: int) -> None:
    for number in range(count):
        host.namespace(f"empty-{number}")


UNITS = [
    Unit("group of processes", _idle_groups, 20),
    Unit("further state of a group", _states_of_groups, 15, ("--process.top=0",)),
    Unit("listener (address and port)", _listeners, 20),
    Unit("port listened on", _ports, 20),
    Unit("further state of a port", _states_of_ports, 15),
    Unit("destination", _destinations, 3),
    Unit("process that holds sockets", _holders, 5),
    Unit("process with CLOSE_WAIT", _leaking_pids, 5),
    Unit("group with CLOSE_WAIT", _leaking_groups, 5),
    Unit("parent of zombies", _parents_of_zombies, 4),
    Unit("network namespace", _namespaces, 4, ("--netns=all",)),
]


# Whole hosts, for the arithmetic.


def quiet(host: Host) -> None:
    """A host that idles: two dozen daemons, three of which listen."""
    for number in range(21):
        host.process(f"daemon-{number}", lambda: socket.socketpair())
    for number in range(3):
        host.process(f"server-{number}", lambda number=number: listeners([9500 + number]))


def server(host: Host) -> None:
    """Sixty groups; a server with eight workers, twelve ports, clients, and a leak; ten backends."""
    for number in range(47):
        host.process(f"daemon-{number}", lambda: socket.socketpair())
    for number in range(10):
        host.process(f"backend-{number}", lambda number=number: listeners([9600 + number]))
    for _ in range(8):
        host.process("web", lambda: [socket.create_connection(("127.0.0.1", 9600 + n)) for n in range(10)])

    def serve() -> object:
        servers = listeners([9500, 9501])
        return servers, [connections(server, 8, closed=2) for server in servers]

    host.process("web-front", serve)
    host.process("churn", churn)


def node(host: Host) -> None:
    """The same with thirty pods: a namespace with two groups, a port and a client each."""
    server(host)

    def serve() -> object:
        server = listeners([8080])[0]
        return server, connections(server, 2)

    for number in range(PODS):
        namespace = host.namespace(f"cni-{number}")
        host.process("pause", namespace=namespace)
        host.process(f"app-{number % 10}", serve, namespace=namespace)


def full(host: Host) -> None:
    """As much as one namespace can have by default: more groups, listeners and destinations than are named."""
    for number in range(230):
        def hold(number: int = number) -> object:
            servers = listeners([9500 + number, 9800 + number])
            return servers, connections(servers[0], 2, closed=1)

        host.process(f"leaker-{number}", hold)


def churn() -> object:
    """Connections that come and go for as long as the host stands, in a process of its own."""
    if os.fork() != 0:
        return None
    sandbox.libc.prctl(sandbox.PR_SET_PDEATHSIG, signal.SIGKILL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", 9600), timeout=1).close()
        except OSError:
            pass
        time.sleep(0.2)


@dataclass(frozen=True)
class Kind:
    name: str
    build: Callable[[Host], None]
    flags: tuple[str, ...] = ()


QUIET = Kind("quiet host", quiet)
SERVER = Kind("server", server)
NODE = Kind("Kubernetes node", node, ("--netns=all",))
FULL = Kind("all caps reached", full)
KINDS = [QUIET, SERVER, NODE, FULL]
PODS = 30

# What makes a page smaller.
SAVINGS = {
    "as by default": (),
    "`--process.max-groups=20`": ("--process.max-groups=20",),
    "`--close-wait.thresholds=1m,1h`": ("--close-wait.thresholds=1m,1h",),
    "`--process.top=0`": ("--process.top=0",),
    "`--web.disable-exporter-metrics`": ("--web.disable-exporter-metrics",),
    "`--no-collector.listener`": ("--no-collector.listener",),
    "`--no-collector.port`": ("--no-collector.port",),
    "`--no-collector.sockstat`": ("--no-collector.sockstat",),
    "`--no-collector.process`": ("--no-collector.process",),
}
DROPPED = "the relabelling in `fleet-drop.yml`"


@dataclass(frozen=True)
class Cardinality:
    per_unit: dict[str, Families]
    kinds: dict[str, Families]
    savings: dict[str, dict[str, int]]
    """Series by what saves some, and by kind of host."""
    not_linear: list[str]


def measure(binary: Path, log: Path, drop: Path) -> Cardinality:
    sandbox.libc.prctl(PR_SET_NAME, NAME.encode())
    # What one host leaves in TIME_WAIT shall not be on the next one, but for those whose connections come and go.
    limit = Path("/proc/sys/net/ipv4/tcp_max_tw_buckets")
    usual = limit.read_text()
    limit.write_text("0")
    per_unit, not_linear = {}, []
    for unit in UNITS:
        counts = []
        for number in (unit.step, 2 * unit.step, 3 * unit.step):
            with Host() as host:
                unit.build(host, number)
                counts.append(families(binary, log, *unit.flags, own=False))
        slopes: Families = Counter()
        for family in set().union(*counts):
            first, second = counts[1][family] - counts[0][family], counts[2][family] - counts[1][family]
            if first != second or first % unit.step:
                not_linear.append(f"{family} by {unit.name}: {[c[family] for c in counts]}")
            elif first:
                slopes[family] = first // unit.step
        per_unit[unit.name] = slopes

    kinds, savings = {}, {}
    for kind in (QUIET, FULL, SERVER, NODE):
        if kind is SERVER:
            limit.write_text(usual)
        with Host() as host:
            kind.build(host)
            kinds[kind.name] = families(binary, log, *kind.flags, own=True)
            if kind in (SERVER, NODE):
                savings[kind.name] = {
                    name: families(binary, log, *kind.flags, *flags, own=True).total()
                    for name, flags in SAVINGS.items()
                }
                with Exporter(binary, log, *kind.flags) as exporter:
                    savings[kind.name][DROPPED] = kept(exporter.series(), drop)
    return Cardinality(per_unit, kinds, savings, not_linear)


def kept(series: Sequence[tuple[str, str]], drop: Path) -> int:
    """How many series a configuration keeps whose every regex drops by name, or by name and age."""
    patterns = [re.compile(pattern) for pattern in re.findall(r'regex: "(.*)"', drop.read_text())]

    def stays(name: str, labels: str) -> bool:
        age = re.search(r'older_than="(\d+)"', labels)
        subjects = [name, f"{name};{age[1]}" if age else name]
        return not any(pattern.fullmatch(subject) for pattern in patterns for subject in subjects)

    return sum(stays(name, labels) for name, labels in series)
