"""The numbers of the alert rules, so that a dashboard turns orange where the ticket is written."""

import pathlib
import re

RULES = pathlib.Path(__file__).resolve().parents[2] / "deploy/prometheus/socket-exporter.alerts.yml"
COLOURS = {"info": "blue", "warning": "orange", "critical": "red"}
# Not one that ends a parenthesis: that only guards a divisor.
COMPARISON = r"(?:>=|>|==)\s*(?:ignoring \(\w+\) )?([0-9.]+)(?![0-9.]|\))"


class Limit:
    """Where an alert begins: (number, colour) in rising order, and the alert's name, if it is one's."""

    def __init__(self, alert, steps):
        self.alert = alert
        self.steps = steps


def limit(alert, after=None, severity=None, least=1):
    """The limit that an alert compares with, of every severity it has.

    after: a metric in the condition, where that compares more than once: what stands after it counts.
    severity: the only one to take, where the others compare with something else than a number.
    least: the step for "> 0" and "== 0", where 0 itself is well: the smallest value that is not.
    """
    steps = []
    for name, condition, rule_severity in _rules():
        if name != alert or severity not in (None, rule_severity):
            continue
        text = condition
        if after is not None:
            if after not in condition:
                raise ValueError(f"{alert}: no {after} in: {condition}")
            text = condition[condition.index(after) :]
        numbers = re.findall(COMPARISON, text)
        if not numbers or (after is None and len(numbers) > 1):
            raise ValueError(f"{alert}: {len(numbers)} comparisons with a number in: {condition}")
        steps.append((float(numbers[0]) or least, COLOURS[rule_severity]))
    if not steps:
        raise ValueError(f"no such alert: {alert}")
    return Limit(alert, sorted(steps))


def any_of(severity):
    """The limit for a count of alerts that fire: one of them is too many."""
    return Limit(None, [(1, COLOURS[severity])])


def _rules():
    """(name, condition, severity) of every rule: the file is ours, so anything unexpected is an error."""
    blocks = re.split(r"^ {6}- alert: ", RULES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for block in blocks[1:]:
        name = block.split("\n", 1)[0].strip()
        one_line = re.search(r"^ {8}expr: (?!>)(.+)$", block, re.MULTILINE)
        folded = re.search(r"^ {8}expr: >-\n((?: {10}.*\n)+)", block, re.MULTILINE)
        severity = re.search(r"^ {10}severity: (\w+)$", block, re.MULTILINE)
        if not (one_line or folded) or not severity or severity[1] not in COLOURS:
            raise ValueError(f"{name}: no condition or severity in the form that is expected")
        yield name, " ".join((one_line or folded)[1].split()), severity[1]
