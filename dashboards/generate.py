#!/usr/bin/python3
"""Writes the dashboards for Grafana out of source/*.py.

    dashboards/generate.py             writes dashboards/*.json
    dashboards/generate.py DIRECTORY   writes them elsewhere

Needs nothing but Python 3.11 and the alert rules in deploy/prometheus, whose thresholds it draws.
"""

import json
import pathlib
import sys

from source import close_wait, exporter, listeners, overview, processes

DASHBOARDS = [overview, close_wait, processes, listeners, exporter]


def main():
    here = pathlib.Path(__file__).resolve().parent
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here
    for module in DASHBOARDS:
        dashboard = module.dashboard()
        text = json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n"
        name = dashboard["uid"].removeprefix("socket-exporter-")
        (directory / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
