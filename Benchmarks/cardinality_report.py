"""What was measured as Markdown, and the arithmetic from it."""

from typing import Iterator

from cardinality_host import KINDS, NODE, PODS, QUIET, SERVER, UNITS, Cardinality
from cardinality_prometheus import Costs

FLEETS = [10, 1_000, 10_000]
INTERVALS = [15, 60]
RECORDED = 60
PROGRAMS = 500
DAY = 86_400
SHARD_BYTES = 8e9


def markdown(cardinality: Cardinality, costs: Costs, machine: str) -> str:
    sections = [
        [f"{machine}."],
        ["### Series by family", "", *_families(cardinality)],
        ["### Series by what a host has", "", *_units(cardinality)],
        ["### What makes it less", "", *_savings(cardinality)],
        ["### Churn", "", *_churn(cardinality, costs)],
        ["### What a series costs Prometheus", "", *_costs(costs)],
        ["### Fleets, every series", "", *_raw(cardinality, costs)],
        ["### Fleets, folded", "", *_folded(costs)],
    ]
    return "\n\n".join("\n".join(section) for section in sections)


def _table(header: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _families(cardinality: Cardinality) -> Iterator[str]:
    """Families of one formula share a row, but for those that grow with the host."""

    def formula(family: str) -> str:
        grows = [
            f"{slopes[family]} × {unit}"
            for unit, slopes in cardinality.per_unit.items()
            # A port needs a listener, and a group with CLOSE_WAIT a process.
            if slopes[family]
            and not (unit == "port listened on" and "accept_queue" in family)
            and not (unit == "group with CLOSE_WAIT" and "pid" in family)
        ]
        fixed = cardinality.kinds[QUIET.name][family]
        if not grows:
            return f"{fixed}" if fixed else f"{cardinality.kinds[NODE.name][family]} with `--netns=all`"
        if grows[0].endswith("network namespace"):
            return f"{fixed}, and " + grows[0]
        return ", ".join(grows)

    named = sorted(set().union(*cardinality.kinds.values(), *cardinality.per_unit.values()))
    by_row: dict[tuple[str, ...], list[str]] = {}
    for family in named:
        key = (formula(family), *(f"{cardinality.kinds[kind.name][family]:,}" for kind in KINDS))
        by_row.setdefault(key, []).append(family)

    def size(item: tuple[tuple[str, ...], list[str]]) -> int:
        return -max(cardinality.kinds[SERVER.name][family] for family in item[1])

    def rows() -> Iterator[list[str]]:
        for key, members in sorted(by_row.items(), key=size):
            names = ", ".join(f"`{name}`" for name in members)
            if len(members) > 1:
                names += f" ({len(members)} families, each)"
            yield [names, *key]
        yield ["**all**", "", *(f"**{cardinality.kinds[kind.name].total():,}**" for kind in KINDS)]

    return _table(["family", "series", *(kind.name for kind in KINDS)], rows())


def _units(cardinality: Cardinality) -> Iterator[str]:
    def rows() -> Iterator[list[str]]:
        for unit in UNITS:
            slopes = cardinality.per_unit[unit.name]
            which = ", ".join(f"`{family}` {count}" for family, count in sorted(slopes.items()))
            if len(slopes) > 7:
                which = f"{len(slopes)} families, see above"
            yield [unit.name, f"{slopes.total()}", which]

    yield from _table(["each further", "series", "which"], rows())
    if cardinality.not_linear:
        yield from ["", "Not linear: " + "; ".join(cardinality.not_linear)]


def _savings(cardinality: Cardinality) -> Iterator[str]:
    def rows() -> Iterator[list[str]]:
        kinds = list(cardinality.savings.values())
        for name in kinds[0]:
            yield [name, *(f"{kind[name]:,} ({kind[name] / kind['as by default']:.0%})" for kind in kinds)]

    return _table(["", *cardinality.savings], rows())


def _churn(cardinality: Cardinality, costs: Costs) -> Iterator[str]:
    """Series that are new each time something happens."""
    series = {unit: slopes.total() for unit, slopes in cardinality.per_unit.items()}
    pod = (cardinality.kinds[NODE.name].total() - cardinality.kinds[SERVER.name].total()) / PODS
    events = {
        "a process among the 20 with most sockets is another one": series["process that holds sockets"],
        "the same, and among those with most CLOSE_WAIT": series["process that holds sockets"]
        + series["process with CLOSE_WAIT"],
        "a group of another name, with two states beside `close_wait`": series["group of processes"]
        + 2 * series["further state of a group"],
        "a listener on another port": series["port listened on"],
        "another one of the ten worst destinations": series["destination"],
        f"a pod of the {NODE.name} is replaced": round(pod),
    }

    def rows() -> Iterator[list[str]]:
        for event, count in events.items():
            # Of those of a day, the head holds three hours.
            held = count * 100 * 3 / 24
            memory = held * 1_000 * costs.bytes_per_series
            yield [event, f"{count}", f"{count * 100:,}", f"{memory / 1e9:.2f} GB"]

    return _table(["what happens", "new series", "100 times a day", "memory, 1,000 such hosts"], rows())


def _costs(costs: Costs) -> Iterator[str]:
    thousand = 1_000 / costs.targets
    per_target = costs.series / costs.targets
    per_sample = costs.scrape_cpu_seconds / costs.scraped_samples
    rows = [
        ["targets, each a *server*", f"{costs.targets:,}"],
        ["series in the head", f"{costs.series:,}"],
        ["resident memory", f"{costs.resident / 1e9:.2f} GB"],
        ["resident memory for one series", f"{costs.bytes_per_series / 1e3:.1f} kB"],
        ["disk for one sample", f"{costs.bytes_per_sample:.2f} bytes"],
        ["index of a block for one series", f"{costs.disk.index_bytes / costs.disk.series:.0f} bytes"],
        ["CPU to scrape and store 1,000,000 samples", f"{per_sample * 1e6:.1f} s"],
    ]
    for interval in INTERVALS:
        share = per_sample * per_target * 1_000 / interval
        rows.append([f"the same for 1,000 targets every {interval} s", f"{share:.0%} of a core"])
    for name, evaluation in costs.evaluations.items():
        each = evaluation.cpu_seconds * thousand
        every = 15 if name == "alerts" else 60
        rows += [
            [f"CPU to evaluate the {name} once, for 1,000 targets", f"{each:.1f} s"],
            [f"the same every {every} s", f"{each / every:.0%} of a core"],
            [
                f"time of the slowest group of the {name}, for {costs.targets:,} targets",
                f"{evaluation.slowest_group_seconds:.2f} s",
            ],
        ]
    rows += [
        ["recorded series for each host (`instance:…`)", f"{costs.recorded_per_instance:.0f}"],
        ["recorded series for each program of the fleet (`process:…`)", f"{costs.recorded_per_process:.1f}"],
    ]
    yield from _table(["", "measured"], iter(rows))


def _raw(cardinality: Cardinality, costs: Costs) -> Iterator[str]:
    def rows() -> Iterator[list[str]]:
        for kind in (QUIET, SERVER, NODE):
            for hosts in FLEETS:
                series = cardinality.kinds[kind.name].total() * hosts
                yield [kind.name, f"{hosts:,}", *_numbers(series, costs)]

    return _table(_header(["host", "hosts"]), rows())


def _folded(costs: Costs) -> Iterator[str]:
    def rows() -> Iterator[list[str]]:
        for hosts in FLEETS:
            # And `up`.
            series = round((costs.recorded_per_instance + 1) * hosts + costs.recorded_per_process * PROGRAMS)
            yield [f"{hosts:,}", *_numbers(series, costs, [RECORDED])[:-1]]

    yield from _table(_header(["hosts"], [RECORDED])[:-1], rows())


def _header(first: list[str], intervals: list[int] = INTERVALS) -> list[str]:
    rates = [f"samples/s, every {interval} s" for interval in intervals]
    disks = [f"disk a day, every {interval} s" for interval in intervals]
    return [*first, "series", *rates, "memory", *disks, "shards"]


def _numbers(series: int, costs: Costs, intervals: list[int] = INTERVALS) -> list[str]:
    memory = series * costs.bytes_per_series
    return [
        _short(series),
        *(_short(series / interval) for interval in intervals),
        f"{memory / 1e9:,.2f} GB" if memory < 1e10 else f"{memory / 1e9:,.0f} GB",
        *(f"{series / interval * DAY * costs.bytes_per_sample / 1e9:,.2f} GB" for interval in intervals),
        f"{-(-memory // SHARD_BYTES):.0f}",
    ]


def _short(number: float) -> str:
    if number >= 1e6:
        return f"{number / 1e6:,.1f} M"
    return f"{number:,.0f}"
