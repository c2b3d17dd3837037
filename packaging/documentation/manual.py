"""The man page, in mdoc(7)."""

import re
import textwrap
import time

from .template import fill


def page(line, date):
    gaps = {
        "DATE": f"{time.strftime('%B', date)} {date.tm_mday}, {date.tm_year}",
        "TITLE": line.name.upper(),
        "NAME": line.name,
        "VERSION": line.version,
        "DEFAULT": line.default.name,
        "ABSTRACT": _text(line.abstract[0].lower() + line.abstract[1:].rstrip(".")),
        "SYNOPSIS": _synopsis(line),
        "DISCUSSION": _paragraphs(line.discussion),
        "OPTIONS": _groups(line.default.groups()),
        "SUBCOMMANDS": _subcommands(line),
    }
    return fill("manual.mdoc", gaps)


def _synopsis(line):
    usages = [f".Nm {line.name}\n.Op Cm {line.default.name}\n.Op Ar option ..."]
    for command in line.others:
        operands = "".join(f"\n.Op Ar {name}" for name in command.operands)
        options = "" if command.operands else "\n.Op Ar option ..."
        usages.append(f".Nm {line.name}\n.Cm {command.name}{options}{operands}")
    return "\n".join(usages)


def _subcommands(line):
    """Each command with the options that the default one has not."""
    known = set(line.default.options)
    parts = [".Bl -tag -width Ds"]
    for command in line.commands:
        parts += [f".It Cm {command.name}", _sentences(command.abstract)]
        if command.discussion:
            parts += [".Pp", _paragraphs(command.discussion)]
        if command is line.default:
            continue
        own = [option for option in command.options if option not in known]
        if own:
            parts.append(_list(own))
        shared = [
            f".Sx {title}" for title, options in command.groups() if title and known >= set(options)
        ]
        if shared:
            parts += [".Pp", "It also takes the", *_enumeration(shared)]
            parts[-1] += " ."
    parts.append(".El")
    return "\n".join(parts)


def _enumeration(items):
    first, *rest = items
    return [first, *(line for item in rest for line in ("and the", item))]


def _groups(groups):
    parts = []
    for title, options in groups:
        parts += [f".Ss {title or 'Other options'}", _list(options)]
    return "\n".join(parts)


def _list(options):
    parts = [".Bl -tag -width Ds"]
    for option in options:
        names = " , ".join("Fl " + _escaped(name[1:]) for name in option.all_names)
        parts += [f".It {names}" + (f" Ar {option.value}" if option.value else "")]
        parts += [_sentences(option.help)]
    parts.append(".El")
    return "\n".join(parts)


def _paragraphs(text):
    return "\n.Pp\n".join(_sentences(" ".join(p.split())) for p in text.split("\n\n"))


def _sentences(text):
    """Each on a line of its own, as mdoc wants it."""
    return "\n".join(_text(s) for s in re.split(r"(?<=[.!?]) (?=[A-Z('])", text))


def _text(text):
    # A dot or a quote at the start of a line would be a request.
    text = re.sub(r"(?<!\S)(?=[.'])", r"\\&", _escaped(text, r"\%")).replace("'", r"\(aq")
    return textwrap.fill(text, 78, break_on_hyphens=False, break_long_words=False)


def _escaped(text, before=""):
    """Dashes that belong to a name stay what can be typed and searched for."""
    text = text.replace("\\", r"\e")
    return re.sub(r"(?<!\w)--?(?=\w)", lambda m: before + m[0].replace("-", r"\-"), text)
