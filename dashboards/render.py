#!/usr/bin/python3
"""Draws the dashboards out of what a Prometheus answered to their queries.

    dashboards/render.py ANSWERS PICTURES

ANSWERS is the directory that `make pictures` fills: a file for each query, as Prometheus' HTTP API
answered it. Nothing is made up: a panel without an answer says so. It draws the parts of Grafana that
the dashboards use, roughly as Grafana does; it is no Grafana.
"""

import io
import json
import math
import pathlib
import re
import sys
from datetime import datetime, timezone

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates
import matplotlib.pyplot as plt
import matplotlib.ticker
from matplotlib.patches import Rectangle
from PIL import Image

from source.values import COLOURS, named, overridden, threshold, written

WIDTH, UNIT, GAP, HEAD, FOOT = 1680, 38, 8, 84, 34
CANVAS, PANEL, TEXT, FAINT, GRID = "#111217", "#181b1f", "#d4d5de", "#8e8f98", "#2a2d33"
SERIES = [
    "#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#5195ce", "#ba43a9", "#9f86d4", "#508642",
    "#cca300", "#447ebc", "#c15c17", "#b877d9", "#37872d", "#fade2a", "#ff7383", "#8ab8ff", "#ffb357",
]  # fmt: skip
FOOTER = (
    "Drawn by dashboards/render.py from the answers of a real Prometheus that scraped a test host in trouble for"
    " {minutes} minutes (alerts waited for 1 s, not for minutes). Not a screenshot of Grafana."
)


class Picture:
    """A figure that is drawn on in pixels from the upper left corner."""

    def __init__(self, height):
        self.height = height
        self.figure = plt.figure(figsize=(WIDTH / 100, height / 100), dpi=100, facecolor=CANVAS)
        self.renderer = self.figure.canvas.get_renderer()

    def text(self, x, y, text, size=12, colour=TEXT, width=None, align="left", weight="normal"):
        """y is the middle of the line; size is in pixels. What is too long ends in an ellipsis."""
        properties = {"fontsize": size * 0.72, "color": colour, "weight": weight}
        drawn = self.figure.text(
            x / WIDTH, 1 - y / self.height, text.replace("$", r"\$"), ha=align, va="center", **properties
        )
        while width and len(text) > 1 and drawn.get_window_extent(self.renderer).width > width:
            text = text[: -max(1, len(text) // 20) - 1] + "…" if not text.endswith("…") else text[:-2] + "…"
            drawn.set_text(text.replace("$", r"\$"))
        return drawn

    def width(self, text, size):
        drawn = self.text(0, 0, text, size)
        width = drawn.get_window_extent(self.renderer).width
        drawn.remove()
        return width

    def box(self, x, y, width, height, colour, edge=None):
        place = (x / WIDTH, 1 - (y + height) / self.height)
        size = (width / WIDTH, height / self.height)
        # Below the axes, which are at 0.
        box = Rectangle(place, *size, facecolor=colour, edgecolor=edge, linewidth=0.6, zorder=-1)
        self.figure.add_artist(box)

    def axes(self, x, y, width, height):
        return self.figure.add_axes(
            [x / WIDTH, 1 - (y + height) / self.height, width / WIDTH, height / self.height], facecolor=PANEL
        )


class Dashboard:
    def __init__(self, dashboard, answers):
        self.dashboard = dashboard
        self.answers = answers
        self.range = json.loads((answers / "range.json").read_text())

    def answer(self, name):
        body = json.loads((self.answers / f"{self.dashboard['uid']}-{name}.json").read_text())
        if body["status"] != "success":
            raise ValueError(f"{name}: {body}")
        return body["data"]["result"]

    def draw(self, file):
        panels = self.dashboard["panels"]
        bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
        self.picture = picture = Picture(HEAD + bottom * UNIT + FOOT)
        self.annotations = self.read_annotations()
        picture.text(GAP, 22, self.dashboard["title"], 19, weight="bold")
        variables = [v for v in self.dashboard["templating"]["list"] if v["hide"] == 0]
        x = GAP
        for variable in variables:
            value = "Prometheus" if variable["type"] == "datasource" else "All"
            width = picture.width(f"{variable['label']}  {value}", 12) + 22
            picture.box(x, 44, width, 28, PANEL, GRID)
            picture.text(x + 8, 58, variable["label"], 12, "#6e9fff")
            picture.text(x + width - 8, 58, value, 12, align="right")
            x += width + 8
        start, end = (datetime.fromtimestamp(self.range[key], timezone.utc) for key in ("start", "end"))
        picture.text(
            WIDTH - GAP, 22, f"{start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC", 12, FAINT, align="right"
        )
        links = "   ".join(link["title"] for link in self.dashboard["links"])
        picture.text(WIDTH - GAP, 58, links, 11, "#6e9fff", width=WIDTH - x - 20, align="right")
        for panel in panels:
            self.draw_panel(panel)
        minutes = (self.range["end"] - self.range["start"]) // 60
        picture.text(GAP, picture.height - FOOT / 2, FOOTER.format(minutes=minutes), 12, FAINT)
        buffer = io.BytesIO()
        picture.figure.savefig(buffer, facecolor=CANVAS)
        plt.close(picture.figure)
        image = (
            Image.open(buffer)
            .convert("RGB")
            .quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        )
        image.save(file, optimize=True)

    def read_annotations(self):
        found = []
        for index, annotation in enumerate(self.dashboard["annotations"]["list"]):
            if annotation["enable"]:
                for series in self.answer(f"annotation-{index}"):
                    found.append((series["values"][0][0], COLOURS[annotation["iconColor"]]))
        return found

    def draw_panel(self, panel):
        column = (WIDTH - GAP) / 24
        place = panel["gridPos"]
        x, y = GAP + place["x"] * column, HEAD + place["y"] * UNIT
        width, height = place["w"] * column - GAP, place["h"] * UNIT - GAP
        title = panel["title"].replace("$instance", "All")
        if panel["type"] == "row":
            self.picture.text(x + 4, y + height / 2, "▾ " + title, 14, weight="bold")
            return
        self.picture.box(x, y, width, height, PANEL, GRID)
        self.picture.text(x + 8, y + 14, title, 12.5, width=width - 12, weight="medium")
        answers = [self.answer(f"{panel['id']}-{target['refId']}") for target in panel["targets"]]
        if not any(answers):
            nothing = panel["fieldConfig"]["defaults"].get("noValue", "No data")
            self.picture.text(x + width / 2, y + height / 2 + 8, nothing, 14, FAINT, align="center")
            return
        draw = {
            "stat": self.stat, "timeseries": self.graph, "bargauge": self.bars, "table": self.table,
        }[panel["type"]]  # fmt: skip
        draw(panel, answers, x + 8, y + 28, width - 16, height - 34)

    def stat(self, panel, answers, x, y, width, height):
        defaults = panel["fieldConfig"]["defaults"]
        value = float(answers[0][0]["value"][1])
        text = written(value, defaults["unit"], defaults.get("decimals"))
        size = min(44, height * 0.6, 44 * width / max(1, self.picture.width(text, 44)))
        colour = threshold(value, defaults["thresholds"])
        self.picture.text(x + width / 2, y + height / 2, text, size, colour, align="center", weight="medium")

    def bars(self, panel, answers, x, y, width, height):
        defaults = panel["fieldConfig"]["defaults"]
        rows = []
        for target, series in zip(panel["targets"], answers):
            thresholds = (
                overridden(panel, "byFrameRefID", target["refId"], "thresholds") or defaults["thresholds"]
            )
            for one in series:
                value = float(one["value"][1])
                rows.append(
                    (named(target["legendFormat"], one["metric"]), value, threshold(value, thresholds))
                )
        most = defaults.get("max") or max(value for _, value, _ in rows) or 1
        line = min(34, height / len(rows))
        names = min(width * 0.5, max(self.picture.width(name, 12) for name, _, _ in rows) + 10)
        for index, (name, value, colour) in enumerate(rows):
            middle = y + (index + 0.5) * line
            self.picture.text(x + names - 8, middle, name, 12, width=names - 10, align="right")
            space = width - names - 70
            self.picture.box(x + names, middle - line * 0.38, space, line * 0.76, "#22252b")
            self.picture.box(
                x + names, middle - line * 0.38, space * min(1, value / most), line * 0.76, colour
            )
            text = written(value, defaults["unit"], defaults.get("decimals"))
            self.picture.text(x + width, middle, text, 13, colour, align="right")

    def table(self, panel, answers, x, y, width, height):
        organize = panel["transformations"][1]["options"]
        order = sorted(organize["indexByName"], key=organize["indexByName"].get)
        renamed = organize["renameByName"]
        refs = {f"Value #{target['refId']}": index for index, target in enumerate(panel["targets"])}
        labels = [name for name in order if name not in renamed]
        rows = {}
        for index, series in enumerate(answers):
            for one in series:
                key = tuple(one["metric"].get(label, "") for label in labels)
                rows.setdefault(key, {})[index] = float(one["value"][1])
        columns = [(label, None) for label in labels if any(key[labels.index(label)] for key in rows)]
        columns += [(renamed[name], refs[name]) for name in order if name in refs]
        sort = panel["options"]["sortBy"][0]
        rows = sorted(rows.items(), key=lambda row: row[0])
        by = next(
            (index for title, index in columns if title == sort["displayName"] and index is not None), None
        )
        if by is not None:
            rows.sort(key=lambda row: row[1].get(by, float("-inf")), reverse=sort["desc"])
        else:
            rows.sort(key=lambda row: row[0][labels.index(sort["displayName"])], reverse=sort["desc"])

        def cell(row, title, index):
            if index is None:
                return " ".join(row[0][labels.index(title)].split()), None
            if index not in row[1]:
                return "", None
            value = row[1][index]
            unit = overridden(panel, "byName", title, "unit")
            text = written(value, unit, overridden(panel, "byName", title, "decimals"))
            thresholds = overridden(panel, "byName", title, "thresholds")
            return text, threshold(value, thresholds) if thresholds else None

        line = 26
        shown = rows[: int((height - line) // line)]
        wanted = [
            max(
                self.picture.width(text, 12)
                for text in [title] + [cell(row, title, index)[0] for row in shown]
            )
            + 18
            for title, index in columns
        ]
        spare = max(0, width - sum(wanted)) / len(columns)
        scale = min(1, width / sum(wanted))
        left = x
        for (title, index), want in zip(columns, wanted):
            size = (want + spare) * scale
            right = left + size - 8
            is_number = index is not None
            self.picture.text(
                right if is_number else left + 6, y + line / 2, title, 12, "#6e9fff", size - 10,
                "right" if is_number else "left", "medium",
            )  # fmt: skip
            for position, row in enumerate(shown):
                text, colour = cell(row, title, index)
                top = y + (position + 1) * line
                mappings = overridden(panel, "byName", title, "mappings")
                if mappings and text in mappings[0]["options"]:
                    mapped = mappings[0]["options"][text]
                    text, colour = mapped["text"], COLOURS[mapped["color"]]
                if colour:
                    self.picture.box(left, top + 1, size - 2, line - 2, colour)
                self.picture.text(
                    right if is_number else left + 6, top + line / 2, text, 12, "#111217" if colour else TEXT,
                    size - 10, "right" if is_number else "left",
                )  # fmt: skip
            left += size
        for position in range(len(shown) + 1):
            self.picture.box(x, y + (position + 1) * line - 0.5, width, 1, GRID)
        if len(shown) < len(rows):
            self.picture.text(
                x + width, y + height, f"{len(rows) - len(shown)} more rows below", 10, FAINT, align="right"
            )

    def graph(self, panel, answers, x, y, width, height):
        defaults = panel["fieldConfig"]["defaults"]
        custom = defaults["custom"]
        unit = defaults["unit"]
        lines = []
        for target, series in zip(panel["targets"], answers):
            for one in series:
                points = [(float(t), float(v)) for t, v in one["values"]]
                name = named(target["legendFormat"], one["metric"])
                fixed = overridden(panel, "byName", name, "color")
                colour = COLOURS[fixed["fixedColor"]] if fixed else SERIES[len(lines) % len(SERIES)]
                lines.append((name, points, colour, bool(fixed)))
        legend = panel["options"]["legend"]
        at_right = legend["placement"] == "right"
        line = 18
        left = 40 if unit in ("none", "percentunit") else 62
        room = min(len(lines), int((height - 10) // line) - 1 if at_right else 4)
        if at_right:
            names = max(self.picture.width(name, 11) for name, *_ in lines) + 150
            legend_width = min(width * 0.5, max(names, 190))
            plot = (x + left, y + 4, width - legend_width - left - 16, height - 30)
            legend_place = (x + width - legend_width, y)
        else:
            legend_width = width
            plot = (x + left, y + 4, width - left - 10, height - 40 - (room + 1) * line)
            legend_place = (x, y + height - (room + 1) * line)
        axes = self.picture.axes(*plot)
        step = self.range["step"]
        base = {}
        for _, points, colour, is_limit in lines:
            style = "--" if is_limit else "-"
            stacked = custom["stacking"]["mode"] == "normal" and not is_limit
            moments, bottoms, tops = [], [], []
            for time, value in points:
                if moments and time - moments[-1] > 2.5 * step:
                    middle = moments[-1] + step
                    moments.append(middle), bottoms.append(float("nan")), tops.append(float("nan"))
                bottom = base.get(time, 0) if stacked else 0
                base[time] = bottom + value
                moments.append(time), bottoms.append(bottom), tops.append(bottom + value)
            days = [matplotlib.dates.date2num(datetime.fromtimestamp(t, timezone.utc)) for t in moments]
            axes.plot(days, tops, style, color=colour, linewidth=1.3)
            opacity = 0 if is_limit else custom["fillOpacity"] / 100
            if opacity:
                axes.fill_between(days, bottoms, tops, color=colour, alpha=opacity, linewidth=0)
        highest = axes.get_ylim()[1]
        lowest = min(0, min((v for _, points, *_ in lines for _, v in points), default=0))
        axes.set_ylim(lowest * 1.05, defaults.get("max", max(highest, 1e-9)))
        if highest <= 0.05 and unit == "none" or not any(v for _, p, *_ in lines for _, v in p):
            axes.set_ylim(lowest * 1.05, defaults.get("max", 1))
        if custom["thresholdsStyle"]["mode"] == "dashed":
            for entry in defaults["thresholds"]["steps"][1:]:
                if entry["value"] <= axes.get_ylim()[1]:
                    axes.axhline(
                        entry["value"], color=COLOURS[entry["color"]], linestyle=(0, (6, 5)), linewidth=1.2
                    )
        ends = [
            matplotlib.dates.date2num(datetime.fromtimestamp(self.range[key], timezone.utc))
            for key in ("start", "end")
        ]
        axes.set_xlim(*ends)
        for time, colour in self.annotations:
            day = matplotlib.dates.date2num(datetime.fromtimestamp(time, timezone.utc))
            axes.axvline(day, color=colour, linewidth=0.7, linestyle=(0, (3, 3)), alpha=0.8)
            axes.plot([day], [axes.get_ylim()[0]], marker="^", color=colour, markersize=5, clip_on=False)
        axes.xaxis.set_major_locator(matplotlib.dates.MinuteLocator(interval=2 if plot[2] < 260 else 1))
        axes.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%H:%M"))
        if unit == "bytes":
            size = 1024 ** int(math.log(max(axes.get_ylim()[1], 1), 1024))
            axes.yaxis.set_major_locator(
                matplotlib.ticker.FixedLocator(
                    [
                        tick * size
                        for tick in matplotlib.ticker.MaxNLocator(5).tick_values(0, axes.get_ylim()[1] / size)
                    ]
                )
            )
            axes.set_ylim(*axes.get_ylim())
        else:
            axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
        bounds = axes.get_ylim()
        axes.yaxis.set_major_formatter(lambda value, _: written(round(value, 9), unit))
        axes.set_ylim(*bounds)
        axes.tick_params(colors=FAINT, labelsize=7.5, length=0)
        axes.grid(color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        for spine in axes.spines.values():
            spine.set_visible(False)
        self.legend(panel, lines, room, legend_width, *legend_place)

    def legend(self, panel, lines, room, width, x, y):
        defaults = panel["fieldConfig"]["defaults"]
        line = 18
        columns = [("Last *", lambda values: values[-1]), ("Max", max)]
        for index, (title, _) in enumerate(columns):
            self.picture.text(x + width - 62 * (1 - index), y + line / 2, title, 11, "#6e9fff", align="right")
        lines = sorted(lines, key=lambda entry: -entry[1][-1][1])
        for position, (name, points, colour, _) in enumerate(lines[:room]):
            middle = y + (position + 1.5) * line
            self.picture.box(x, middle - 1.5, 12, 3, colour)
            self.picture.text(x + 17, middle, name, 11, width=width - 17 - 125)
            for index, (_, reduce) in enumerate(columns):
                value = reduce([v for _, v in points])
                text = written(value, defaults["unit"], defaults.get("decimals"))
                self.picture.text(x + width - 62 * (1 - index), middle, text, 11, align="right", width=60)
        if room < len(lines):
            self.picture.text(x + 17, y + (room + 1.3) * line, f"{len(lines) - room} more below", 10, FAINT)


def main():
    answers, pictures = map(pathlib.Path, sys.argv[1:3])
    wanted = sys.argv[3:]
    plt.rcParams["font.family"] = "DejaVu Sans"
    for file in sorted(pathlib.Path(__file__).resolve().parent.glob("*.json")):
        if wanted and file.stem not in wanted:
            continue
        dashboard = json.loads(file.read_text(encoding="utf-8"))
        target = pictures / f"{file.stem}.png"
        Dashboard(dashboard, answers).draw(target)
        print(f"{target}: {target.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
