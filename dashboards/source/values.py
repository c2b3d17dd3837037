"""Values as Grafana writes and colours them, for the pictures."""

import re

COLOURS = {
    "green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2", "text": "#d4d5de",
    "transparent": None,
}  # fmt: skip


def written(value, unit, decimals=None):
    if unit == "percentunit":
        return number(value * 100, decimals) + "%"
    if unit == "bytes":
        for name in ["B", "KiB", "MiB", "GiB", "TiB"]:
            if abs(value) < 1024 or name == "TiB":
                return f"{number(value, decimals)} {name}"
            value /= 1024
    if unit == "s":
        for limit, factor, name in [(1e-3, 1e6, "µs"), (1, 1e3, "ms"), (60, 1, "s"), (3600, 1 / 60, "mins")]:
            if abs(value) < limit:
                return f"{number(value * factor, decimals)} {name}" if value else "0 s"
        return f"{number(value / 3600, decimals)} hours"
    if unit == "dtdurations":
        for seconds, name in [(604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute")]:
            if abs(value) >= seconds:
                count = int(value // seconds)
                return f"{count} {name}{'s' if count != 1 else ''}"
        return f"{number(value, 0)} seconds"
    suffix = {"cps": " c/s", "reqps": " req/s"}.get(unit, "")
    return number(value, decimals) + suffix


def number(value, decimals):
    if decimals is not None:
        return f"{value:.{decimals}f}"
    if value == int(value):
        return str(int(value))
    size = abs(value)
    return f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4}f}"


def threshold(value, thresholds):
    colour = thresholds["steps"][0]["color"]
    for step in thresholds["steps"][1:]:
        if value >= step["value"]:
            colour = step["color"]
    return COLOURS[colour]


def named(legend, labels):
    name = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: labels.get(match[1], ""), legend)
    return " ".join(name.split()) or ", ".join(f"{key}={value}" for key, value in labels.items())


def overridden(panel, kind, option, property):
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"] == {"id": kind, "options": option}:
            for entry in override["properties"]:
                if entry["id"] == property:
                    return entry["value"]
    return None
