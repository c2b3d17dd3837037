"""Completions for three shells.

ArgumentParser makes some too, but does not offer the options of the command that runs when none is
named, and the dots in our options are errors to zsh and fish there.
"""

from .template import fill, first_sentence

HELP = "help"  # the command whose operand is the name of another


def bash(line):
    cases = []
    for option in _with_values(line):
        action = f"candidates=(-W {_quoted(' '.join(option.choices))})"
        if option.completes:
            action = f"candidates=(-{option.completes[0]}); compopt -o filenames 2>/dev/null"
        elif not option.choices:
            action = "return"
        cases.append(f"    {'|'.join(option.names)}) {action} ;;")
    commands = [
        f"    {command.name}) options={_quoted(_names(command))} ;;" for command in line.others
    ]
    repeating = [name for option in _with_values(line) if option.repeats for name in option.names]
    return fill(
        "bash.in",
        {
            "NAME": line.name,
            "VALUES": "\n".join(cases),
            "OPTIONS": _quoted(_names(line.default)),
            "OTHERS": "\n".join(commands),
            "REPEATING": "|".join(repeating),
            "COMMANDS": _quoted(" ".join(command.name for command in line.commands)),
        },
    )


def zsh(line):
    cases = []
    for command in line.commands:
        specs = [spec for option in command.options for spec in _zsh_specs(option)]
        if command.name == HELP:
            specs.append("1:command:_socket_exporter_commands")
        words = "\n".join("        " + _quoted(spec) for spec in specs)
        cases.append(f"    {command.name})\n      specs+=(\n{words}\n      )\n      ;;")
    commands = [
        "    " + _quoted(f"{command.name}:{first_sentence(command.abstract)}")
        for command in line.commands
    ]
    return fill(
        "zsh.in",
        {
            "NAME": line.name,
            "DEFAULT": line.default.name,
            "PATTERN": "|".join(command.name for command in line.commands),
            "COMMANDS": "\n".join(commands),
            "OPTIONS": "\n".join(cases),
        },
    )


def _zsh_specs(option):
    text = first_sentence(option.help)
    for special in "\\[]:":
        text = text.replace(special, "\\" + special)
    value = ""
    if option.value:
        action = {"file": "_files", "directory": "_files -/"}.get(option.completes, " ")
        if option.choices:
            action = f"({' '.join(option.choices)})"
        value = f":{option.value}:{action}"
    together = f"({' '.join(option.all_names)})" if len(option.all_names) > 1 else ""
    start = "*" if option.repeats else together
    for name in option.all_names:
        yield f"{start}{name}{'=' if option.value and name.startswith('--') else ''}[{text}]{value}"


def fish(line):
    others = " ".join(command.name for command in line.others)
    lines = [f"# Completion of {line.name} for fish.", f"complete -c {line.name} -f"]
    for command in line.commands:
        if command is line.default:
            condition = f"not __fish_seen_subcommand_from {others}"
        else:
            condition = f"__fish_seen_subcommand_from {command.name}"
        start = f"complete -c {line.name} -n"
        abstract = _fish_quoted(first_sentence(command.abstract))
        lines.append(f"{start} '__fish_is_nth_token 1' -a {command.name} -d {abstract}")
        if command.name == HELP:
            names = " ".join(c.name for c in line.commands)
            lines.append(f"{start} '{condition}; and __fish_is_nth_token 2' -a '{names}'")
        for option in command.options:
            lines += [f"{start} '{condition}' {words}" for words in _fish_options(option)]
    return "\n".join(lines) + "\n"


def _fish_options(option):
    value = ""
    if option.choices:
        value = f" -x -a '{' '.join(option.choices)}'"
    elif option.completes == "directory":
        value = " -x -a '(__fish_complete_directories)'"
    elif option.completes == "file":
        value = " -r -F"
    elif option.value:
        value = " -x"
    text = _fish_quoted(first_sentence(option.help))
    for names in filter(None, (option.names, option.opposites)):
        spelled = " ".join(
            f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in names
        )
        yield f"{spelled}{value} -d {text}"


def _with_values(line):
    """Each option that takes a value once, whichever commands have it."""
    return list(dict.fromkeys(o for c in line.commands for o in c.options if o.value))


def _names(command):
    return " ".join(name for option in command.options for name in option.all_names)


def _quoted(text):
    """For bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
