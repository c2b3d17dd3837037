#!/usr/bin/python3
"""Loads dashboards into Grafana's own types, of three of its versions, and writes them out again.

    dashboards/check_schema.py DIRECTORY install          fetches the types into DIRECTORY
    dashboards/check_schema.py DIRECTORY check FILE...    names what a version does not know

The types are those of the package grafana-foundation-sdk, which Grafana generates from its schema.
They drop what they do not know, so whatever is not there any more afterwards is a mistake of ours, in
a name or in a place. Ends with 1 where something is lost, and with 77 where the package cannot be had.
"""

import enum
import json
import os
import pathlib
import re
import subprocess
import sys
import typing

VERSIONS = {
    "10": "1769699998!10.1.0",
    "11": "1769699379!11.6.0",
    "12": "1769699241",
}

# What Grafana reads and its types do not have. The data source for Prometheus reads the first three
# itself; `definition` is what the editor of variables shows.
UNKNOWN_TO_TYPES = [
    r"annotations\.list\[\d+\]\.(titleFormat|textFormat)",
    r"templating\.list\[\d+\]\.definition",
]


def install(directory):
    python = directory / "venv/bin/python3"
    if not python.exists():
        run([sys.executable, "-m", "venv", str(directory / "venv")])
    for name, version in VERSIONS.items():
        if (directory / name / "complete").exists():
            continue
        package = f"grafana-foundation-sdk=={version}"
        target = str(directory / name)
        run(
            [
                str(python),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--upgrade",
                "--target",
                target,
                package,
            ]
        )
        (directory / name / "complete").touch()


def run(command):
    if subprocess.run(command, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}).returncode:
        print(f"failed: {' '.join(command)}", file=sys.stderr)
        sys.exit(77)


def check(directory, files):
    """Each version has modules of the same names, so each has a process of its own."""
    failed = False
    for name in VERSIONS:
        command = [sys.executable, __file__, str(directory / name), "load", *files]
        printed = subprocess.run(command, capture_output=True, text=True)
        for line in (printed.stdout + printed.stderr).splitlines():
            print(f"Grafana {name}: {line}")
        failed = failed or printed.returncode != 0
    sys.exit(1 if failed else 0)


def load(directory, files):
    sys.path.insert(0, str(directory))
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    lost = []
    for file in files:
        ours = json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
        loaded = Dashboard.from_json(ours)
        theirs = json.loads(JSONEncoder().encode(loaded))
        found = [*compare(ours, theirs, ""), *misspelt(loaded, "")]
        lost += [f"{pathlib.Path(file).name}: {text}" for text in found]
    print("\n".join(lost), end="\n" if lost else "")
    sys.exit(1 if lost else 0)


def compare(ours, theirs, path):
    """What of ours is not in theirs. They may have more: defaults that we leave out."""
    if any(re.fullmatch(pattern, path) for pattern in UNKNOWN_TO_TYPES):
        return
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            inner = f"{path}.{key}".lstrip(".")
            if key in theirs:
                yield from compare(value, theirs[key], inner)
            elif value is not None and not any(re.fullmatch(p, inner) for p in UNKNOWN_TO_TYPES):
                yield f"{inner} is unknown"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (value, other) in enumerate(zip(ours, theirs)):
            yield from compare(value, other, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path} is {json.dumps(theirs)} and was {json.dumps(ours)}"


def misspelt(value, path):
    """Texts that are none of those their type has: loading takes any."""
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield from misspelt(member, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from misspelt(member, f"{path}.{key}".lstrip("."))
    elif hasattr(value, "__dict__") and not isinstance(value, enum.Enum):
        hints = typing.get_type_hints(type(value))
        for name, member in vars(value).items():
            inner = f"{path}.{name}".lstrip(".")
            kinds = [hints.get(name), *typing.get_args(hints.get(name))]
            enums = [k for k in kinds if isinstance(k, type) and issubclass(k, enum.Enum)]
            if enums and member is not None and member not in [e.value for k in enums for e in k]:
                yield f"{inner} is {member!r}, which is none of {[e.value for k in enums for e in k]}"
            yield from misspelt(member, inner)


if __name__ == "__main__":
    directory, action, *files = sys.argv[1:]
    {"install": lambda path, _: install(path), "check": check, "load": load}[action](
        pathlib.Path(directory), files
    )
