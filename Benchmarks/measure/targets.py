"""What the exporter has promised to cost, and whether it kept its word in this run."""

from dataclasses import dataclass
from statistics import median

from .heap import growth_per_socket
from .latency import Scrapes
from .plan import Results

MEGABYTE = 1_000_000  # the stricter of the two


@dataclass(frozen=True)
class Target:
    what: str
    sign: str
    limit: float
    unit: str
    measured: float | None
    detail: str = ""

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        kept = self.measured <= self.limit if self.sign == "≤" else self.measured >= self.limit
        return "met" if kept else "**not met**"


def targets(results: Results) -> list[Target]:
    rest, full = results.rest, results.steps[-1]
    load = f"{full.load.sockets:,} sockets"
    stripped = results.stripped_bytes
    calls = {step.load.sockets: step.heap for step in results.steps if step.heap}
    grows = len(calls) > 1
    sampled = {sockets: count.sample for sockets, count in calls.items()}
    once = {sockets: count.once for sockets, count in calls.items()}
    return [
        _ratio(f"CPU of one sample ÷ C floor, {load}", "≤", 1.15, full.cpu.ratios if full.cpu else None),
        _megabytes("RSS at rest", 18, rest.memory and rest.memory.resident),
        _megabytes("anonymous part of it", 6, rest.memory and rest.memory.anonymous),
        _megabytes(f"RSS at {load}", 26, full.memory and full.memory.resident),
        _megabytes("stripped binary", 20, stripped),
        _p99(f"p99 of a scrape while it samples {load}", 5, full.scrapes),
        _ratio(
            "requests per second at rest ÷ nginx",
            "≥",
            1 / 3,
            rest.throughput.ratios if rest.throughput else None,
        ),
        Target(
            "heap calls of a sample for each socket more",
            "≤",
            0.001,
            "",
            growth_per_socket(sampled) if grows else None,
        ),
        Target(
            "heap calls of `metrics` for each socket more",
            "≤",
            0.001,
            "",
            growth_per_socket(once) if grows else None,
        ),
    ]


def _ratio(what: str, sign: str, limit: float, ratios: list[float] | None) -> Target:
    if not ratios:
        return Target(what, sign, limit, "", None)
    spread = f" ({min(ratios):.2f} to {max(ratios):.2f})"
    return Target(what, sign, limit, "", median(ratios), spread)


def _p99(what: str, limit: float, scrapes: Scrapes | None) -> Target:
    if not scrapes:
        return Target(what, "≤", limit, " ms", None)
    meanwhile = f" (nginx meanwhile: {scrapes.nginx.percentile(99) * 1000:.2f} ms)"
    return Target(what, "≤", limit, " ms", scrapes.kept.percentile(99) * 1000, meanwhile)


def _megabytes(what: str, limit: float, measured: int | None) -> Target:
    return Target(what, "≤", limit, " MB", measured and measured / MEGABYTE)
