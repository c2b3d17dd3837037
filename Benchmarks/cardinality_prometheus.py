"""What the series cost a real Prometheus: one exporter, scraped as if it were many hosts."""

import json
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Sequence

from cardinality_host import PORT, SERVER, Exporter, Host
from measure.programs import installed
from measure.server import Server

RULES = {"alerts": "socket-exporter.alerts.yml", "recording rules": "socket-exporter.recording.yml"}
INTERVAL_OF_GROUP = re.compile(r"^    interval: .*\n", re.MULTILINE)
INTERVAL = 15
OFTEN = 5
PORTS = {"many": 9090, "disk": 9091}


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of all groups of a file, for all targets together."""

    cpu_seconds: float
    slowest_group_seconds: float


@dataclass(frozen=True)
class Disk:
    """A block of Prometheus."""

    samples: int
    series: int
    chunks: int
    chunk_bytes: int
    index_bytes: int


@dataclass(frozen=True)
class Costs:
    targets: int
    series: int
    resident: int
    scraped_samples: float
    scrape_cpu_seconds: float
    evaluations: dict[str, Evaluation]
    recorded_per_instance: float
    recorded_per_process: float
    disk: Disk

    @property
    def bytes_per_series(self) -> float:
        return self.resident / self.series

    @property
    def bytes_per_sample(self) -> float:
        return self.disk.chunk_bytes / self.disk.samples


class Prometheus(Server):
    def __init__(self, name: str, directory: Path, configuration: str):
        self.configuration = directory / f"{name}.yml"
        self.configuration.write_text(configuration)
        self.data = directory / f"{name}-data"
        shutil.rmtree(self.data, ignore_errors=True)
        port = PORTS[name]
        command = [
            installed("prometheus"),
            f"--config.file={self.configuration}",
            f"--storage.tsdb.path={self.data}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-lifecycle",
            "--web.enable-admin-api",
            "--log.level=warn",
        ]
        super().__init__(command, port, directory / f"{name}.log")

    def __enter__(self) -> "Prometheus":
        super().__enter__()
        deadline = time.monotonic() + self.patience
        while True:
            try:
                self._request("/-/ready")
                return self
            except urllib.error.URLError:
                if time.monotonic() > deadline:
                    self.stop()
                    raise
            time.sleep(0.1)

    def reload(self, configuration: str) -> None:
        self.configuration.write_text(configuration)
        self._request("/-/reload", b"")

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        form = urllib.parse.urlencode({"query": expression})
        answer = json.loads(self._request(f"/api/v1/query?{form}"))
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]

    def value(self, expression: str) -> float:
        found = self.query(expression)
        return found[0][1] if found else 0

    def own(self, name: str, having: str = "") -> float:
        """The sum of a metric of its own."""
        return sum(self._own(name, having))

    def longest(self, name: str, having: str) -> float:
        return max(self._own(name, having))

    def count(self, name: str, having: str) -> int:
        return len(self._own(name, having))

    def _own(self, name: str, having: str) -> list[float]:
        lines = self._request("/metrics").splitlines()
        found = (line for line in lines if line.startswith((name + " ", name + "{")) and having in line)
        return [float(line.rpartition(" ")[2]) for line in found]

    def snapshot(self) -> Path:
        answer = json.loads(self._request("/api/v1/admin/tsdb/snapshot", b""))
        return self.data / "snapshots" / answer["data"]["name"]

    def _request(self, path: str, data: bytes | None = None) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=60) as answer:
            return answer.read().decode()


def configuration(targets: int, interval: int, rules: Sequence[Path] = (), evaluate: int = INTERVAL) -> str:
    return json.dumps(
        {
            "global": {"scrape_interval": f"{interval}s", "evaluation_interval": f"{evaluate}s"},
            "rule_files": [str(file) for file in rules],
            "scrape_configs": [
                {
                    "job_name": "socket-exporter",
                    "static_configs": [
                        {"targets": [f"127.0.0.1:{PORT}"], "labels": {"instance": f"host-{number}.example:{PORT}"}}
                        for number in range(targets)
                    ],
                }
            ],
        }
    )


def measure(binary: Path, rules: Path, directory: Path, targets: int, seconds: int) -> Costs:
    """Scrapes for `seconds`, and then as long with the rules of each file."""
    with Host() as host:
        SERVER.build(host)
        with Exporter(binary, directory / "exporter.log") as exporter:
            exporter.series()
            # The disk is measured with few hosts that are scraped every second: Prometheus ends a chunk after
            # 120 samples, and one that is not full says little.
            with Prometheus("disk", directory, configuration(5, 1)) as disk:
                begin = time.monotonic()
                with Prometheus("many", directory, configuration(targets, INTERVAL)) as many:
                    costs = _measure(many, rules, directory, targets, seconds)
                time.sleep(max(0, 150 - (time.monotonic() - begin)))
                return Costs(*costs, _disk(disk.snapshot()))


def _measure(many: Prometheus, rules: Path, directory: Path, targets: int, seconds: int) -> tuple:
    deadline = time.monotonic() + 60
    while many.value('sum(up{job="socket-exporter"})') < targets:
        if time.monotonic() > deadline:
            raise RuntimeError("Prometheus does not reach every target")
        time.sleep(1)

    samples = "prometheus_tsdb_head_samples_appended_total"
    used, ingested = many.cpu_seconds(), many.own(samples)
    time.sleep(seconds)
    scraping, ingested = many.cpu_seconds() - used, many.own(samples) - ingested
    series, resident = many.own("prometheus_tsdb_head_series"), many.memory().resident

    evaluations = {}
    for name, file in RULES.items():
        # More often than anybody would, to have a number of them.
        often = directory / file
        often.write_text(INTERVAL_OF_GROUP.sub("", (rules / file).read_text()))
        many.reload(configuration(targets, INTERVAL, [often], evaluate=OFTEN))
        time.sleep(2 * OFTEN)
        used, before = many.cpu_seconds(), many.own("prometheus_rule_group_iterations_total", having=file)
        slowest = []
        for _ in range(seconds // OFTEN):
            time.sleep(OFTEN)
            slowest.append(many.longest("prometheus_rule_group_last_duration_seconds", having=file))
        used = many.cpu_seconds() - used - scraping
        rounds = (many.own("prometheus_rule_group_iterations_total", having=file) - before) / many.count(
            "prometheus_rule_group_iterations_total", having=file
        )
        evaluations[name] = Evaluation(used / rounds, median(slowest))

    processes = many.value("count(process:socket_process_instances:sum)")
    return (
        targets,
        round(series),
        resident,
        ingested,
        scraping,
        evaluations,
        many.value('count({__name__=~"instance:socket_.+"})') / targets,
        many.value('count({__name__=~"process:socket_.+"})') / processes,
    )


def _disk(snapshot: Path) -> Disk:
    blocks = list(snapshot.iterdir())
    stats = [json.loads((block / "meta.json").read_text())["stats"] for block in blocks]
    return Disk(
        samples=sum(block["numSamples"] for block in stats),
        series=sum(block["numSeries"] for block in stats),
        chunks=sum(block["numChunks"] for block in stats),
        chunk_bytes=sum(file.stat().st_size for block in blocks for file in (block / "chunks").iterdir()),
        index_bytes=sum((block / "index").stat().st_size for block in blocks),
    )
