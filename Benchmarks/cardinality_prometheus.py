"""What the series cost a real Prometheus: one exporter, scraped as if it were many hosts."""

import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cardinality_host import PORT, SERVER, Exporter, Host
from measure.programs import installed
from measure.server import Server

RULES = {"alerts": "socket-exporter.alerts.yml", "recording rules": "socket-exporter.recording.yml"}
INTERVAL = 15
PORTS = {"many": 9090, "disk": 9091}


@dataclass(frozen=True)
class Costs:
    targets: int
    series: int
    bytes_per_series: float
    bytes_per_sample: float
    index_bytes_per_series: float
    samples_on_disk: int
    samples_per_chunk: float
    scrape_cpu_per_sample: float
    rules_cpu_per_evaluation: float
    """Seconds for one evaluation of all groups, all targets together."""
    group_seconds: dict[str, float]
    """Time of one evaluation of the groups of a file, all targets together."""
    recorded_per_instance: int
    recorded_per_process: int
    processes: int
    shipped_with_recording: bool = True


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
        lines = self._request("/metrics").splitlines()
        found = (line for line in lines if line.startswith((name + " ", name + "{")) and having in line)
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def snapshot(self) -> Path:
        answer = json.loads(self._request("/api/v1/admin/tsdb/snapshot", b""))
        return self.data / "snapshots" / answer["data"]["name"]

    def _request(self, path: str, data: bytes | None = None) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=60) as answer:
            return answer.read().decode()


def configuration(targets: int, interval: int, rules: list[Path] = []) -> str:
    return json.dumps(
        {
            "global": {"scrape_interval": f"{interval}s", "evaluation_interval": f"{interval}s"},
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
    """Scrapes for `seconds`, and again as long with the rules."""
    with Host() as host:
        SERVER.build(host)
        with Exporter(binary, directory / "exporter.log") as exporter:
            exporter.families(own=True)
            # The disk is measured on few hosts that are scraped every second, for a chunk of Prometheus is
            # full after 120 samples.
            with Prometheus("disk", directory, configuration(5, 1)) as disk:
                with Prometheus("many", directory, configuration(targets, INTERVAL)) as many:
                    return _measure(many, disk, rules, targets, seconds)


def _measure(many: Prometheus, disk: Prometheus, rules: Path, targets: int, seconds: int) -> Costs:
    begin = time.monotonic()
    while many.value('sum(up{job="socket-exporter"})') < targets:
        if time.monotonic() - begin > 60:
            raise RuntimeError("Prometheus does not reach every target")
        time.sleep(1)

    used, ingested = many.cpu_seconds(), many.own("prometheus_tsdb_head_samples_appended_total")
    time.sleep(seconds)
    scraping = many.cpu_seconds() - used
    samples = many.own("prometheus_tsdb_head_samples_appended_total") - ingested
    series = many.own("prometheus_tsdb_head_series")
    resident = many.memory().resident

    many.reload(configuration(targets, INTERVAL, [rules / file for file in RULES.values()]))
    time.sleep(INTERVAL)
    evaluations = 'prometheus_rule_group_iterations_total'
    used, ingested = many.cpu_seconds(), many.own("prometheus_tsdb_head_samples_appended_total")
    groups = many.own("prometheus_rule_group_rules") and many.own(evaluations)
    durations: dict[str, list[float]] = {name: [] for name in RULES}
    for _ in range(max(1, seconds // INTERVAL)):
        time.sleep(INTERVAL)
        for name, file in RULES.items():
            durations[name].append(many.own("prometheus_rule_group_last_duration_seconds", having=file))
    number_of_groups = len(
        [line for line in many._request("/metrics").splitlines() if line.startswith(evaluations + "{")]
    )
    rounds = (many.own(evaluations) - groups) / number_of_groups
    with_rules = many.cpu_seconds() - used
    appended = many.own("prometheus_tsdb_head_samples_appended_total") - ingested
    # What the recorded series cost to append is part of the rules.
    scraped = samples / seconds * INTERVAL * max(1, seconds // INTERVAL)
    rules_cpu = with_rules - scraping * min(scraped, appended) / samples

    per_instance = many.value('count({__name__=~"instance:socket_.+"})') / targets
    per_process = many.value('count({__name__=~"process:socket_.+"})')
    processes = many.value("count(process:socket_process_instances:sum)")

    # A chunk of every series must be full.
    while time.monotonic() - begin < 135:
        time.sleep(1)
    chunks = index = on_disk = on_disk_series = full_chunks = 0
    for block in disk.snapshot().iterdir():
        stats = json.loads((block / "meta.json").read_text())["stats"]
        on_disk += stats["numSamples"]
        on_disk_series += stats["numSeries"]
        full_chunks += stats["numChunks"]
        chunks += sum(file.stat().st_size for file in (block / "chunks").iterdir())
        index += (block / "index").stat().st_size
    return Costs(
        targets=targets,
        series=round(series),
        bytes_per_series=resident / series,
        bytes_per_sample=chunks / on_disk,
        index_bytes_per_series=index / on_disk_series,
        samples_on_disk=on_disk,
        samples_per_chunk=on_disk / full_chunks,
        scrape_cpu_per_sample=scraping / samples,
        rules_cpu_per_evaluation=rules_cpu / rounds,
        group_seconds={name: median(values) for name, values in durations.items()},
        recorded_per_instance=round(per_instance),
        recorded_per_process=round(per_process),
        processes=round(processes),
    )
