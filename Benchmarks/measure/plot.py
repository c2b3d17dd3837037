"""CPU over sockets as a picture, both axes logarithmic."""

from pathlib import Path

from .attribution import TASK, TASK_FILE
from .errors import CannotMeasure
from .peers import Cost
from .plan import ATTRIBUTION, ONE_SAMPLE, ONE_SAMPLE_PROCFS, Results

FLOORS = {"C floor": "-", "C floor: walk": "--", "C floor: dump": ":", TASK_FILE: "-.", TASK: (0, (1, 3))}
OURS = {ONE_SAMPLE: "-", ONE_SAMPLE_PROCFS: "--", ATTRIBUTION: ":"}


def draw(results: Results, file: Path) -> None:
    try:
        import matplotlib
    except ImportError:
        raise CannotMeasure("matplotlib is not installed: apt-get install python3-matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines: dict[str, list[tuple[int, Cost]]] = {}
    for step in results.steps:
        for name, cost in step.costs.items():
            lines.setdefault(name, []).append((step.load.sockets, cost))

    figure, axes = pyplot.subplots(figsize=(10, 6), layout="constrained")
    colors = iter(pyplot.get_cmap("tab10").colors)
    # The legend in the order in which the lines end.
    dearest_first = sorted(lines.items(), key=lambda line: _per_socket(line[1]), reverse=True)
    for name, points in dearest_first:
        if name in FLOORS:
            style = {"color": "gray", "linewidth": 1.2, "linestyle": FLOORS[name]}
        elif name in OURS:
            style = {"color": "black", "linewidth": 2.5, "linestyle": OURS[name]}
        else:
            style = {"color": next(colors), "linewidth": 1.2}
        axes.plot(
            [sockets for sockets, _ in points],
            [cost.cpu_seconds for _, cost in points],
            marker="o",
            markersize=4,
            label=name,
            **style,
        )
        for sockets, cost in points:
            if cost.stopped:  # at the time limit: it would have been more
                axes.plot(sockets, cost.cpu_seconds, marker="^", markersize=10, color=style["color"])
    axes.set(xscale="log", yscale="log", xlabel="TCP sockets", ylabel="CPU seconds for one answer")
    measured = [step.load.sockets for step in results.steps if step.costs]
    axes.set_xticks(measured, [f"{sockets:,}" for sockets in measured])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(which="major", alpha=0.4)
    axes.grid(which="minor", alpha=0.12)
    axes.set_title(
        f"One answer of socket-exporter {results.version} and of others (▲: stopped after {results.plan.limit} s)"
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def _per_socket(points: list[tuple[int, Cost]]) -> float:
    sockets, cost = points[-1]
    return cost.cpu_seconds / sockets
