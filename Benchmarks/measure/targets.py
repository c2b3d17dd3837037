"""What the exporter has promised to cost, and whether it kept its word in this run."""

from dataclasses import dataclass
from statistics import median

from .fit import FROM_SOCKETS
from .heap import growth_per_socket
from .latency import Scrapes
from .plan import Results, Step

MEGABYTE = 1_000_000  # the stricter of the two

# Of one core: the default of --collect.cpu-budget.
BUDGET = 0.02

EXTRAPOLATED_TO = 1_000_000


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
    rest, full, most = results.rest, results.full, results.steps[-1]
    at_full, at_most = f"{full.load.sockets:,} sockets", f"{most.load.sockets:,} sockets"
    growth, extrapolated = results.cost_growth, results.spending_at(EXTRAPOLATED_TO)
    calls = {step.load.sockets: step.heap for step in results.steps if step.heap}
    sampled = {sockets: count.sample for sockets, count in calls.items()}
    once = {sockets: count.once for sockets, count in calls.items()}
    return [
        *_bpf(results),
        _ratio(
            f"procfs: CPU of one sample ÷ C floor, {at_full}", "≤", 1.15, full.procfs.cpu.ratios if full.procfs.cpu else None
        ),
        _quiet(results),
        Target(
            f"procfs: CPU grows with the sockets to the power of, from {FROM_SOCKETS:,}",
            "≤",
            1.05,
            "",
            growth.exponent if growth else None,
            f" (C floor: {results.floor_growth.exponent:.2f})" if results.floor_growth else "",
        ),
        _beside("lsof -nPi", 3, full),
        _beside("ss -tanp", 30, full),
        _budget(f"procfs: share of a core by default, {at_most}", most.procfs.budget and most.procfs.budget.share),
        _budget(f"procfs: the same, extrapolated to {EXTRAPOLATED_TO:,} sockets", extrapolated and extrapolated.share),
        _megabytes("procfs: RSS at rest", 18, rest.memory and rest.memory.resident),
        _megabytes("anonymous part of it", 6, rest.memory and rest.memory.anonymous),
        _megabytes(f"procfs: RSS at {at_full}", 26, full.procfs.memory and full.procfs.memory.resident),
        _megabytes(
            f"procfs: RSS at {at_most}",
            40,
            most.procfs.memory and most.procfs.memory.resident,
            f" (peak: {most.procfs.memory.peak / MEGABYTE:.1f} MB)" if most.procfs.memory else "",
        ),
        _megabytes("stripped binary", 20, results.stripped_bytes),
        _p99(f"p99 of a scrape while it samples {at_full}", 5, full.scrapes),
        _ratio(
            "requests per second at rest ÷ nginx",
            "≥",
            1 / 3,
            rest.throughput.ratios if rest.throughput else None,
        ),
        _heap("heap calls of a sample for each socket more", sampled),
        _heap("heap calls of `metrics` for each socket more", once),
    ]


def _bpf(results: Results) -> list[Target]:
    least, full, most = results.steps[0], results.full, results.steps[-1]
    ours, procfs, spending = full.attribution, full.procfs.cpu, most.bpf.budget
    at_full, memories = f"{full.load.sockets:,} sockets", (least.bpf.memory, most.bpf.memory)
    what = "BPF: CPU of attribution ÷"
    grown = None
    if memories[0] and memories[1] and least is not most:
        grown = abs(memories[1].resident - memories[0].resident)
    return [
        _ratio(f"{what} C floor with task_file, {at_full}", "≤", 1.3, ours.ratios if ours else None),
        Target(
            f"{what} that of procfs, walk and dump, {at_full}",
            "≤",
            1 / 8,
            "",
            ours.seconds / procfs.attribution_seconds if ours and procfs else None,
        ),
        _bpf_beside(what, "node_exporter, tcpstat only", 4, full),
        _bpf_beside(what, "lsof -nPi", 50, full),
        _bpf_beside(what, "ss -tanp", 250, full),
        _megabytes(
            f"BPF: RSS at {most.load.sockets:,} sockets apart from that at {least.load.sockets:,}", 2, grown
        ),
        Target(
            f"BPF: share of a core by default, {most.load.sockets:,} sockets",
            "≤",
            100 * BUDGET,
            " %",
            100 * spending.share if spending else None,
            f" (process every {spending.intervals['process']:.0f} s)" if spending else "",
        ),
    ]


def _bpf_beside(what: str, tool: str, times: int, step: Step) -> Target:
    theirs, what = step.peers.get(tool), f"{what} that of `{tool}`, {step.load.sockets:,} sockets"
    if not theirs or not step.attribution:
        return Target(what, "≤", 1 / times, "", None)
    detail = " at most: it was stopped at the limit" if theirs.stopped else ""
    return Target(what, "≤", 1 / times, "", step.attribution.seconds / theirs.cpu_seconds, detail)


def _ratio(what: str, sign: str, limit: float, ratios: list[float] | None) -> Target:
    if not ratios:
        return Target(what, sign, limit, "", None)
    spread = f" ({min(ratios):.2f} to {max(ratios):.2f})"
    return Target(what, sign, limit, "", median(ratios), spread)


def _quiet(results: Results) -> Target:
    what, quiet = "procfs: CPU of one sample ÷ C floor, quiet host", results.quiet
    if not quiet:
        return Target(what, "≤", 1.5, "", None)
    return Target(what, "≤", 1.5, "", quiet.ratio, f" (collectors alone: {quiet.collector_ratio:.2f})")


def _beside(tool: str, times: float, step: Step) -> Target:
    what = f"procfs: CPU of `{tool}` ÷ one sample, {step.load.sockets:,} sockets"
    theirs = step.peers.get(tool)
    if not theirs or not step.procfs.cpu:
        return Target(what, "≥", times, "", None)
    detail = " at least: stopped at the limit" if theirs.stopped else ""
    return Target(what, "≥", times, "", theirs.cpu_seconds / step.procfs.cpu.sample_seconds, detail)


def _budget(what: str, share: float | None) -> Target:
    return Target(what, "≤", 100 * BUDGET, " %", None if share is None else 100 * share)


def _p99(what: str, limit: float, scrapes: Scrapes | None) -> Target:
    if not scrapes:
        return Target(what, "≤", limit, " ms", None)
    meanwhile = f" (nginx meanwhile: {scrapes.nginx.percentile(99) * 1000:.2f} ms)"
    return Target(what, "≤", limit, " ms", scrapes.kept.percentile(99) * 1000, meanwhile)


def _megabytes(what: str, limit: float, measured: int | None, detail: str = "") -> Target:
    return Target(what, "≤", limit, " MB", measured and measured / MEGABYTE, detail)


def _heap(what: str, calls: dict[int, int]) -> Target:
    return Target(what, "≤", 0.001, "", growth_per_socket(calls) if len(calls) > 1 else None)
