"""A run as Markdown."""

import os
import platform
import re
from pathlib import Path
from typing import Iterable, Iterator, Sequence

from .latency import Latency, Scrapes
from .load import IDLE_PROCESSES
from .peers import PEERS, Cost
from .plan import Results, Step
from .targets import MEGABYTE, targets
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


def markdown(results: Results, machine: str) -> str:
    largest = results.steps[-1]
    sections = [
        ["# Benchmark", ""],
        [f"socket-exporter {results.version}. {machine}.", ""],
        _explanation(results),
        ["## Targets", "", *_targets(results), ""],
        ["## One sample beside the C floor", "", *_floor(results.steps), ""],
        ["## Memory", "", *_memory(results), ""],
        ["## Scrapes", "", *_scrapes(results), ""],
        ["## Heap calls", "", *_heap(results.steps), ""],
        [f"## Beside others, {largest.load.sockets:,} sockets", "", *_peers(results, largest), ""],
        ["## CPU seconds by number of sockets", "", *_peers_by_load(results), ""],
    ]
    if results.not_run:
        sections.append(["## Could not be run", "", *(f"- {what}" for what in results.not_run), ""])
    return "\n".join(line for section in sections for line in section)


def _explanation(results: Results) -> list[str]:
    return [
        f"All of it measured in one run: TCP sockets on loopback in {results.plan.processes} processes, one in a"
        f" hundred in CLOSE_WAIT, beside {IDLE_PROCESSES} processes that hold none. Timings are medians; the"
        " ratios are of neighbours in time, and hold where the timings, on another or a busier machine, do not."
        " 1 MB is 1,000,000 bytes.",
        "",
    ]


def _targets(results: Results) -> Iterator[str]:
    return _table(
        ["", "target", "measured", ""],
        [
            [
                target.what,
                f"{target.sign} {target.limit:.3g}{target.unit}",
                "" if target.measured is None else f"{_number(target.measured)}{target.unit}{target.detail}",
                target.verdict,
            ]
            for target in targets(results)
        ],
    )


def _floor(steps: Sequence[Step]) -> Iterator[str]:
    return _table(
        [
            *("sockets", "descriptors", "floor: walk", "floor: dump", "floor"),
            *("exporter: collectors", "exporter: all", "ratio"),
        ],
        [
            [
                f"{step.load.sockets:,}",
                f"{step.cpu.last_pass.descriptors:,}",
                _milliseconds(step.cpu.walk_seconds),
                _milliseconds(step.cpu.dump_seconds),
                _milliseconds(step.cpu.floor_seconds),
                _milliseconds(step.cpu.collector_seconds),
                _milliseconds(step.cpu.sample_seconds),
                _number(step.cpu.ratio),
            ]
            for step in steps
            if step.cpu
        ],
        note="CPU time, user and system. The floor is C that only walks /proc/*/fd and dumps sock_diag. All of the"
        " exporter is its whole process over one interval: the sample, the pages rendered from it and one scrape.",
    )


def _memory(results: Results) -> Iterator[str]:
    rows = [("at rest", results.rest.memory)]
    rows += [(f"{step.load.sockets:,} sockets", step.memory) for step in results.steps]
    return _table(
        ["", "RSS", "anonymous", "mapped from files", "peak RSS"],
        [
            [when, *map(_megabytes, (memory.resident, memory.anonymous, memory.file, memory.peak))]
            for when, memory in rows
            if memory
        ],
    )


def _scrapes(results: Results) -> Iterator[str]:
    largest = results.steps[-1]
    rows: list[list[str]] = []
    for when, scrapes in (
        ("at rest", results.rest.scrapes),
        (f"while it samples {largest.load.sockets:,} sockets", largest.scrapes),
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


def _peers(results: Results, step: Step) -> Iterator[str]:
    ours = step.cpu.sample_seconds if step.cpu else None
    rows = []
    if step.cpu and step.memory:
        duration = step.cpu.page.sample_duration_seconds
        sample = Cost(step.cpu.sample_seconds, duration, step.memory.peak)
        answers = "states by family, sockets by process, zombies"
        rows.append(["**socket-exporter**, one sample", answers, *_cost(sample, ours)])
    if step.once:
        rows.append(["**socket-exporter metrics**", "the same, once", *_cost(step.once, ours)])
    for peer in PEERS:
        if peer.name in step.peers:
            rows.append([peer.name, peer.answers, *_cost(step.peers[peer.name], ours)])
        else:
            why = "left out (quick run)" if peer.slow and results.plan.quick else "could not be run"
            rows.append([peer.name, peer.answers, why, "", "", ""])
    return _table(
        ["", "answers", "CPU", "÷ ours", "wall", "peak RSS"],
        rows,
        note="An exporter's figures are for one scrape. `>`: stopped at the limit of"
        f" {results.plan.limit} s without having answered.",
    )


def _cost(cost: Cost, ours: float | None) -> list[str]:
    sign = "> " if cost.stopped else ""
    return [
        f"{sign}{_seconds(cost.cpu_seconds)}",
        f"{sign}{_number(cost.cpu_seconds / ours)}" if ours else "",
        f"{sign}{_seconds(cost.wall_seconds)}",
        f"{sign}{_megabytes(cost.peak_bytes)}",
    ]


def _peers_by_load(results: Results) -> Iterator[str]:
    floor = ["C floor"]
    ours = ["**socket-exporter**, one sample"]
    for step in results.steps:
        floor.append(_seconds(step.cpu.floor_seconds) if step.cpu else "")
        ours.append(_seconds(step.cpu.sample_seconds) if step.cpu else "")
    rows = [floor, ours]
    for peer in PEERS:
        costs = [step.peers.get(peer.name) for step in results.steps]
        if any(costs):
            rows.append([peer.name, *(_cost(cost, None)[0] if cost else "" for cost in costs)])
    return _table(["", *(f"{step.load.sockets:,}" for step in results.steps)], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], note: str = "") -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    if note:
        yield ""
        yield note


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
