"""A run as Markdown."""

import os
import platform
import re
from math import ceil
from pathlib import Path
from statistics import median
from typing import Iterable, Iterator, Sequence

from .answers import ANSWERS, QUESTIONS
from .attribution import ALONE, Attribution
from .cpu import Comparison
from .exporter import DEFAULT_INTERVAL
from .fit import FROM_SOCKETS
from .latency import Latency, Scrapes
from .load import QUIET
from .peers import PEERS, Cost
from .plan import OURS, Results, Step
from .targets import BUDGET, EXTRAPOLATED_TO, MEGABYTE, targets
from .throughput import CONNECTIONS


def machine() -> str:
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    cores = len(os.sched_getaffinity(0))
    return ", ".join(
        [
            f"Linux {platform.release()}",
            f"{cores} cores ({model[1]})" if model else f"{cores} cores",
            f"{int(memory[1]) * 1024 / 1e9:.0f} GB" if memory else "",
            f"load average before the run {os.getloadavg()[0]:.1f}",
        ]
    )


def markdown(results: Results, machine: str, picture: str) -> str:
    sections = [
        ["# Performance", ""],
        ["The output of `make bench` (see [Benchmarks](../Benchmarks/README.md)), as it was printed.", ""],
        [f"socket-exporter {results.version}. {machine}.", ""],
        _explanation(results),
        [f"![CPU seconds over TCP sockets, both axes logarithmic: the last table as a picture]({picture})", ""],
        ["## Targets", "", *_targets(results), ""],
        ["## Attribution with BPF", "", *_attribution(results), ""],
        ["## One sample beside the C floor", "", *_floor(results), ""],
        ["## CPU budget", "", *_budget(results), ""],
        ["## Memory", "", *_memory(results), ""],
        ["## Scrapes", "", *_scrapes(results), ""],
        ["## Heap calls", "", *_heap(results.steps), ""],
        ["## What each can answer", "", *_answers(), ""],
        *(
            [f"## Beside others, {step.load.sockets:,} sockets", "", *_peers(results, step), ""]
            for step in results.steps
            if step.costs
        ),
        ["## CPU seconds by number of sockets", "", *_peers_by_load(results), ""],
    ]
    if results.not_run:
        sections.append(["## Could not be run", "", *(f"- {what}" for what in results.not_run), ""])
    return "\n".join(line for section in sections for line in section)


def _explanation(results: Results) -> list[str]:
    return [
        "All of it measured in one run: TCP sockets on loopback, one in a hundred in CLOSE_WAIT, in"
        f" {results.plan.processes} processes (more where one may not have so many descriptors) beside"
        f" {results.full.load.idle} that hold none. The exporter runs with its defaults but for a shorter interval"
        " and no CPU budget, where nothing else is said. Timings are medians; the ratios are of neighbours in"
        " time, and hold where the timings, on another or a busier machine, do not. 1 MB is 1,000,000 bytes.",
        "",
    ]


def _targets(results: Results) -> Iterator[str]:
    return _table(
        ["", "target", "measured", ""],
        [
            [
                target.what,
                f"{target.sign} {target.limit:.3g}{target.unit}",
                "" if target.measured is None else f"{_beside_its_limit(target.measured)}{target.unit}{target.detail}",
                target.verdict,
            ]
            for target in targets(results)
        ],
    )


def _attribution(results: Results) -> Iterator[str]:
    found = [(step, step.attribution) for step in results.steps if step.attribution]
    if not found:
        yield "Not measured: see the end."
        return
    yield from _table(
        [
            *("sockets", "floor: task_file", "floor: task", "exporter: process", "÷ task_file"),
            *("procfs: process, tcp", "BPF ÷ procfs", "one sample with BPF", "÷ one with procfs"),
        ],
        [_attributed(step, ours) for step, ours in found],
        note="CPU time, user and system. The exporter's is that of its process collector, as it accounts for it, run"
        f" with `{' '.join(ALONE)}`: its pass over all descriptors, and the processes read from /proc."
        " That of procfs is the walk and the dump of all TCP sockets, without"
        " which no socket has a state. The floor is C that makes the same pass by the iterator task_file and counts"
        " by process; that of `task` takes no reference to the files it looks at, and has to check what it read.",
    )


def _attributed(step: Step, ours: Attribution) -> list[str]:
    procfs, bpf = step.procfs.cpu, step.bpf.cpu
    return [
        f"{step.load.sockets:,}",
        _milliseconds(ours.task_file_seconds),
        "" if ours.task_seconds is None else _milliseconds(ours.task_seconds),
        _milliseconds(ours.seconds),
        _number(median(ours.ratios)),
        _milliseconds(procfs.attribution_seconds) if procfs else "",
        _number(ours.seconds / procfs.attribution_seconds) if procfs else "",
        _milliseconds(bpf.sample_seconds) if bpf else "",
        _number(bpf.sample_seconds / procfs.sample_seconds) if bpf and procfs else "",
    ]


def _floors_alone(steps: Sequence[Step]) -> Iterator[str]:
    """What the budget allows for is the floor's doing as well."""
    *_, most = steps
    if not most.attribution:
        return
    floor = most.attribution.task_file_seconds
    pause = ceil(floor / BUDGET / DEFAULT_INTERVAL) * DEFAULT_INTERVAL
    yield (
        f"The C floor with task_file alone, at {most.load.sockets:,} sockets: {_milliseconds(floor)}, which is"
        f" {100 * floor / DEFAULT_INTERVAL:.2f} % of a core every {DEFAULT_INTERVAL:.0f} s, and"
        f" {100 * floor / pause:.2f} % every {pause:.0f} s."
    )


def _floor(results: Results) -> Iterator[str]:
    compared = [(f"{step.load.sockets:,}", step.load.processes, step.procfs.cpu) for step in results.steps]
    compared.insert(0, (f"quiet host: {QUIET.mixed}", QUIET.idle, results.quiet))
    yield from _table(
        [
            *("sockets", "in processes", "descriptors", "floor: walk", "floor: dump", "floor"),
            *("exporter: collectors", "÷ floor", "exporter: all", "÷ floor"),
        ],
        [[sockets, f"{processes}", *_compared(cpu)] for sockets, processes, cpu in compared if cpu],
        note="CPU time, user and system, with the procfs backend. The floor is C that only walks /proc/*/fd and dumps the TCP sockets with"
        " sock_diag; it does not bring the two together. All of the exporter is its whole process over one interval:"
        " the sample, the pages rendered from it and one scrape. The sockets of the quiet host are of all kinds,"
        " most of them Unix sockets. Processes are older than ten seconds; what hardly changes of them the exporter"
        " reads once a minute then, and these medians are of samples between.",
    )
    if results.cost_growth and results.floor_growth:
        yield ""
        yield (
            f"From {FROM_SOCKETS:,} sockets on, the exporter's CPU grows with the sockets to the power of"
            f" {results.cost_growth.exponent:.3f}, the floor's to {results.floor_growth.exponent:.3f} (least squares"
            " through the logarithms)."
        )


def _compared(cpu: Comparison) -> list[str]:
    return [
        f"{cpu.last_pass.descriptors:,}",
        _milliseconds(cpu.walk_seconds),
        _milliseconds(cpu.dump_seconds),
        _milliseconds(cpu.floor_seconds),
        _milliseconds(cpu.collector_seconds),
        _number(cpu.collector_ratio),
        _milliseconds(cpu.sample_seconds),
        _number(cpu.ratio),
    ]


def _budget(results: Results) -> Iterator[str]:
    spent = [
        (f"{step.load.sockets:,}", name, spending)
        for step in results.steps
        for name, spending in (("BPF", step.bpf.budget), ("procfs", step.procfs.budget))
        if spending
    ]
    if not spent:
        return
    extrapolated = results.spending_at(EXTRAPOLATED_TO)
    if extrapolated:
        spent.append((f"{EXTRAPOLATED_TO:,}, *extrapolated*", "procfs", extrapolated))
    yield from _table(
        ["sockets", "backend", *spent[0][2].intervals, "CPU of a sample", "share of a core", "which is"],
        [
            [
                sockets,
                backend,
                *(f"{interval:,.0f} s" for interval in spending.intervals.values()),
                _seconds(spending.sample_seconds),
                f"{100 * spending.share:.2f} %",
                "computed" if spending.is_computed else f"measured for {spending.window:.0f} s",
            ]
            for sockets, backend, spending in spent
        ],
        note="The exporter with its defaults, `--collect.interval=5s` and `--collect.cpu-budget=2%`: the interval"
        " that each collector chose, and the share of one core that the whole process took. *Computed*: the share"
        " of the collectors that run within two ticks is measured, that of the others is what a sample costs over"
        " the time to the next. The sample is the first: the later ones cost a little less.",
    )
    for floor in _floors_alone(results.steps):
        yield ""
        yield floor
    if extrapolated:
        yield ""
        yield (
            "*Extrapolated*: costs and intervals of the largest load, grown as the exporter's CPU has grown up to"
            " there."
        )


def _memory(results: Results) -> Iterator[str]:
    rows = [("BPF", "at rest", results.rest.memory_bpf)]
    rows += [("BPF", f"{step.load.sockets:,} sockets", step.bpf.memory) for step in results.steps]
    rows += [("procfs", "at rest", results.rest.memory)]
    rows += [("procfs", f"{step.load.sockets:,} sockets", step.procfs.memory) for step in results.steps]
    return _table(
        ["backend", "", "RSS", "anonymous", "mapped from files", "peak RSS"],
        [
            [backend, when, *map(_megabytes, (memory.resident, memory.anonymous, memory.file, memory.peak))]
            for backend, when, memory in rows
            if memory
        ],
    )


def _scrapes(results: Results) -> Iterator[str]:
    rows: list[list[str]] = []
    for when, scrapes in (
        ("at rest", results.rest.scrapes),
        (f"while it samples {results.full.load.sockets:,} sockets", results.full.scrapes),
    ):
        if scrapes:
            rows += _scrape_rows(when, scrapes)
    yield from _table(["", "", "requests", "p50", "p99", "longest"], rows)
    if throughput := results.rest.throughput:
        yield ""
        yield (
            f"At rest, wrk with {CONNECTIONS} connections: {throughput.exporter:,.0f} requests per second, and"
            f" {throughput.nginx:,.0f} from nginx with one worker serving the same {throughput.page_bytes:,} bytes"
            " as a static file."
        )


def _scrape_rows(when: str, scrapes: Scrapes) -> Iterator[list[str]]:
    for who, latency in (
        ("exporter, connection kept", scrapes.kept),
        ("exporter, new connection", scrapes.fresh),
        ("nginx meanwhile, connection kept", scrapes.nginx),
    ):
        yield [when, who, *_latency(latency)]


def _latency(latency: Latency) -> list[str]:
    timings = [latency.percentile(50), latency.percentile(99), max(latency.seconds)]
    return [f"{len(latency.seconds):,}", *map(_milliseconds, timings)]


def _heap(steps: Sequence[Step]) -> Iterator[str]:
    return _table(
        ["sockets", "one more sample of `serve`", "`metrics`, start to end", "bytes of the page"],
        [
            [
                f"{step.load.sockets:,}",
                f"{step.heap.sample:,}",
                f"{step.heap.once:,}",
                f"{step.heap.page_bytes:,}",
            ]
            for step in steps
            if step.heap
        ],
        note="Calls of malloc, calloc, realloc and their kin.",
    )


def _answers() -> Iterator[str]:
    return _table(
        ["", *QUESTIONS],
        [[name, *answers] for name, answers in ANSWERS.items()],
        note="*rows*: it prints a row for each socket, and whoever reads them can count.",
    )


def _peers(results: Results, step: Step) -> Iterator[str]:
    ours = step.ours.sample_seconds if step.ours else None
    rows = [[_bold(name), *_cost(cost, ours)] for name, cost in step.costs.items()]
    for peer in PEERS:
        if peer.name in step.not_started:
            rows.append([peer.name, f"not started ({step.not_started[peer.name]})", "", "", ""])
        elif peer.name not in step.peers:
            left_out = peer.slow and results.plan.quick
            rows.append([peer.name, "left out (quick run)" if left_out else "could not be run", "", "", ""])
    return _table(
        ["", "CPU", "÷ ours", "wall", "peak RSS"],
        rows,
        note="Attribution alone knows who holds which sockets, in which states; one sample knows all that the exporter"
        f" tells. An exporter's figures are for one scrape. `>`: stopped at the limit of {results.plan.limit} s without"
        " having answered. A tool is not started where it could not keep that limit if its time grew no more than"
        " the sockets.",
    )


def _bold(name: str) -> str:
    return f"**{name}**" if name in OURS else name


def _cost(cost: Cost, ours: float | None) -> list[str]:
    sign = "> " if cost.stopped else ""
    return [
        f"{sign}{_seconds(cost.cpu_seconds)}",
        f"{sign}{_number(cost.cpu_seconds / ours)}" if ours else "",
        f"{sign}{_seconds(cost.wall_seconds)}",
        f"{sign}{_megabytes(cost.peak_bytes)}",
    ]


def _peers_by_load(results: Results) -> Iterator[str]:
    names = dict.fromkeys(name for step in results.steps for name in step.costs)
    return _table(
        ["", *(f"{step.load.sockets:,}" for step in results.steps)],
        [[_bold(name), *(_cpu_at(step, name) for step in results.steps)] for name in names],
        note=f"Empty: not started, because it could not have answered within {results.plan.limit} s, or could not"
        " be run.",
    )


def _cpu_at(step: Step, name: str) -> str:
    cost = step.costs.get(name)
    return _cost(cost, None)[0] if cost else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], note: str = "") -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    if note:
        yield ""
        yield note


def _beside_its_limit(value: float) -> str:
    """To three digits where two might look like the limit itself."""
    return f"{value:.3f}" if 0.1 <= value < 1 else f"{value:.4f}" if 0.001 <= value < 0.1 else _number(value)


def _number(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) < 0.01:
        return f"{value:.5f}".rstrip("0").rstrip(".")
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"
