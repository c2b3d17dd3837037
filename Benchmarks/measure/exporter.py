"""The exporter under test: started, watched for its samples, read."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Mapping, Sequence

from .http import BadAnswer
from .load import Load
from .server import Server, ServerFailed

PORT = 9477
DEFAULT_INTERVAL = 5.0
SERIES = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One scrape: the bytes, and the values in them by name and labels as written."""

    body: bytes

    def values(self, name: str) -> dict[str, float]:
        return {
            labels: float(value)
            for found, labels, value in SERIES.findall(self.body.decode())
            if found == name
        }

    def by_collector(self, name: str) -> dict[str, float]:
        values = self.values(f"socket_exporter_collector_{name}")
        return {labels.split('"')[1]: value for labels, value in values.items()}

    def sum(self, name: str, having: str = "") -> float:
        return sum(value for labels, value in self.values(name).items() if having in labels)

    @property
    def sampled_at(self) -> float:
        return max(self.values("socket_exporter_collector_last_success_timestamp_seconds").values(), default=0)

    @property
    def sample_duration_seconds(self) -> float:
        return self.sum("socket_exporter_collector_duration_seconds")

    @property
    def uses_bpf(self) -> bool:
        backends = self.values("socket_exporter_backend_info")
        return any(value == 1 and labels.startswith('backend="bpf') for labels, value in backends.items())

    def require_bpf(self) -> "Page":
        if not self.uses_bpf:
            raise ServerFailed("the exporter does not use BPF")
        return self

    def require_holders(self, load: Load) -> "Page":
        """All that a sample of the process collector alone can show of the load."""
        held, sockets = self.sum("socket_process_socket_fds"), load.sockets + load.mixed
        if held < sockets:
            raise ServerFailed(f"the exporter shows {held:,.0f} sockets held where there are {sockets:,}")
        return self

    def require(self, load: Load) -> "Page":
        """A sample that does not show the load was not worth measuring. More than the load it may show:
        the benchmark's own connections come and go."""
        close_wait = self.sum("socket_tcp_sockets", having='state="close_wait"')
        if close_wait < load.close_wait:
            raise ServerFailed(
                f"the exporter shows {close_wait:,.0f} sockets in CLOSE_WAIT where there are {load.close_wait:,}"
            )
        return self.require_holders(load)

    @property
    def version(self) -> str:
        labels = next(iter(self.values("socket_exporter_build_info")), "")
        found = re.search(r'version="([^"]*)"', labels)
        return found[1] if found else "of an unknown version"


@dataclass(frozen=True)
class Sample:
    """What one sample cost: in all threads of the process, and as its collectors account for it."""

    cpu_seconds: float
    collectors: Mapping[str, float]
    heap_calls: int
    page: Page

    @property
    def collector_cpu_seconds(self) -> float:
        return sum(self.collectors.values())

    def cpu_of(self, *collectors: str) -> float:
        return sum(self.collectors[collector] for collector in collectors)


class Exporter(Server):
    def __init__(
        self,
        binary: Path,
        log: Path,
        interval: float | None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ):
        """With an interval it samples that often, whatever it costs; with none, as by default."""
        self.interval = interval or DEFAULT_INTERVAL
        command = [binary, "serve", f"--web.listen-address=127.0.0.1:{PORT}", *arguments]
        if interval:
            command += [f"--collect.interval={round(interval * 1000)}ms", "--collect.cpu-budget=off"]
        super().__init__(command, PORT, log, environment=environment)

    def __enter__(self) -> "Exporter":
        super().__enter__()
        try:
            self._wait_for_the_first_sample()
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_for_the_first_sample(self) -> None:
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            try:
                if self.page().sampled_at > 0:
                    return
            except BadAnswer:
                pass  # not ready
            time.sleep(0.05)
        raise ServerFailed("the exporter takes no samples")

    def page(self) -> Page:
        with self.client() as client:
            return Page(client.get())

    def wait_for_a_sample(self) -> None:
        """Returns when the next sample has been taken, and the sampler rests."""
        noticeable = 0.0005
        self.wait_until_idle(self._quiet)
        used, deadline = self.cpu_seconds(), time.monotonic() + self.patience
        while self.cpu_seconds() - used < noticeable:
            if time.monotonic() > deadline:
                raise ServerFailed("the exporter takes no samples")
            time.sleep(0.005)
        self.wait_until_idle(self._quiet)

    @property
    def _quiet(self) -> float:
        return min(0.1, self.interval / 10)

    def warm_up(self, samples: int = 2) -> Page:
        for _ in range(samples):
            self.wait_for_a_sample()
        return self.page()

    def samples(self, heap_calls: "HeapCalls | None" = None) -> Iterator[Sample]:
        """Sample after sample. What the caller does between two of them, the exporter rests meanwhile.

        Each is measured from rest to rest, so it includes the rendering of the pages and one scrape.
        """
        misses = 0
        while misses < 10:
            self.wait_until_idle(self._quiet)
            used, calls = self.cpu_seconds(), heap_calls.read() if heap_calls else 0
            before = self.page()
            self.wait_for_a_sample()
            after = self.page()
            if not 0 < after.sampled_at - before.sampled_at < 1.5 * self.interval:
                misses += 1
                continue  # it was busy with something else, or took two samples
            yield Sample(
                cpu_seconds=self.cpu_seconds() - used,
                collectors={
                    collector: seconds - before.by_collector("cpu_seconds_total")[collector]
                    for collector, seconds in after.by_collector("cpu_seconds_total").items()
                },
                heap_calls=(heap_calls.read() if heap_calls else 0) - calls,
                page=after,
            )
        raise ServerFailed("the exporter takes no samples")


class HeapCalls:
    """The number that `heapcount.so`, preloaded into a program, keeps in a file."""

    def __init__(self, preload: Path, file: Path):
        self.file = file
        self.file.unlink(missing_ok=True)
        self.environment = {"LD_PRELOAD": str(preload), "HEAPCOUNT_FILE": str(file)}

    def read(self) -> int:
        return int.from_bytes(self.file.read_bytes(), "little")
