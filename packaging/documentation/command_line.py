"""The commands and options of the program, as the program tells them."""

import dataclasses
import json
import subprocess


@dataclasses.dataclass(frozen=True)
class Option:
    """A flag, or an option with a value."""

    names: tuple  # as typed, with their dashes
    opposites: tuple  # of --x, --no-x
    value: str  # what the value is called; empty for a flag
    choices: tuple  # all values there are; empty where any will do
    completes: str  # "file" or "directory" where the value is one
    repeats: bool
    help: str
    group: str  # its heading in --help; empty for the rest

    @property
    def all_names(self):
        return self.names + self.opposites


@dataclasses.dataclass(frozen=True)
class Command:
    name: str
    abstract: str
    discussion: str
    operands: tuple  # names of what is not an option
    options: tuple

    def groups(self):
        """Options by heading, in the order of --help: those without a heading come last."""
        groups = {}
        for option in self.options:
            groups.setdefault(option.group, []).append(option)
        rest = groups.pop("", [])
        return [*groups.items(), ("", rest)] if rest else list(groups.items())


@dataclasses.dataclass(frozen=True)
class CommandLine:
    name: str
    version: str
    abstract: str
    discussion: str
    default: Command
    commands: tuple

    @staticmethod
    def of(binary):
        dump = json.loads(_output(binary, "--experimental-dump-help"))
        if dump["serializationVersion"] != 0:
            raise SystemExit("the program tells its options in a format of another version")
        root = dump["command"]
        commands = tuple(_command(c) for c in root["subcommands"] if c["shouldDisplay"])
        return CommandLine(
            name=root["commandName"],
            version=_output(binary, "--version").split()[1],
            abstract=root["abstract"],
            discussion=root["discussion"],
            default=next(c for c in commands if c.name == root["defaultSubcommand"]),
            commands=commands,
        )

    @property
    def others(self):
        """The commands besides the default one."""
        return [c for c in self.commands if c is not self.default]


def _output(binary, argument):
    return subprocess.run([binary, argument], check=True, capture_output=True, text=True).stdout


def _command(told):
    arguments = [a for a in told.get("arguments", []) if a["shouldDisplay"]]
    spelled = {name for a in arguments for name in _names(a)}
    options = []
    for argument in arguments:
        names = _names(argument)
        # The program tells --x and --no-x one after the other; they are one option.
        if argument["kind"] == "positional" or any(_without_no(name) in spelled for name in names):
            continue
        opposite = "--no-" + names[0].removeprefix("--")
        options.append(_option(argument, names, (opposite,) if opposite in spelled else ()))
    return Command(
        name=told["commandName"],
        abstract=told["abstract"],
        discussion=told.get("discussion", ""),
        operands=tuple(a["valueName"] for a in arguments if a["kind"] == "positional"),
        options=tuple(options),
    )


def _names(argument):
    dashes = {"long": "--", "short": "-", "longWithSingleDash": "-"}
    return tuple(dashes[n["kind"]] + n["name"] for n in argument.get("names", []))


def _without_no(name):
    return "--" + name.removeprefix("--no-") if name.startswith("--no-") else None


def _option(argument, names, opposites):
    completion = argument.get("completionKind", {})
    choices = argument.get("allValues") or completion.get("list", {}).get("values", ())
    help = argument.get("abstract", "")
    # --help adds these two, unless the text tells the default itself.
    notes = []
    if argument.get("allValues"):
        notes.append("values: " + ", ".join(choices))
    if "defaultValue" in argument and "(default:" not in help:
        notes.append("default: " + argument["defaultValue"])
    if notes:
        help += f" ({'; '.join(notes)})"
    return Option(
        names=names,
        opposites=opposites,
        value=argument["valueName"] if argument["kind"] == "option" else "",
        choices=tuple(choices),
        completes=next((kind for kind in ("file", "directory") if kind in completion), ""),
        repeats=argument["isRepeating"],
        help=help,
        group=argument.get("sectionTitle", ""),
    )
