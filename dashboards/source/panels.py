"""What the dashboards are made of. A dashboard is a list of rows, a row a title and its panels.

In expressions these stand for matchers of the dashboard's variables:

    @host     job, instance                     what there is once for a host
    @alert    the same, or no instance          alerts: SocketExporterAbsent has none
    @ns       job, instance, netns              what there is for each network namespace
    @process  job, instance, netns, process     what there is for each group of processes

and @by in a table for `by (...)` with the labels of its rows.
"""

import re

from .links import RUNBOOK_OF_ROW, data_link, panel_runbook, runbook

DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HOST = 'job=~"$job", instance=~"$instance"'
MATCHERS = {
    "@host": HOST,
    "@alert": 'job=~"$job", instance=~"$instance|"',
    "@ns": HOST + ', netns=~"$netns"',
    "@process": HOST + ', netns=~"$netns", process=~"$process"',
}

# What every job has: only that of exporters, for "All" jobs are all that Prometheus scrapes.
OF_EXPORTERS = "and on (job, instance) socket_exporter_build_info{@host}"
# One that does not answer has no build_info, but others of its job have, or had within a day.
UP = 'up{@host} and on (job) max_over_time(socket_exporter_build_info{job=~"$job"}[1d])'


def top(count, vector):
    """The same few series over the whole graph: those that were highest at any time in it. A plain
    topk() chooses anew at every step, and the graph shows pieces of many series. Those that were 0 all
    the time are left out."""
    name, matchers = vector.split("{", 1)
    return f"{vector} and topk({count}, max_over_time({name}{{{matchers}[$__range] @ end()) > 0)"


def happened(counter, matchers):
    """The rate of what happened at all in the time shown. Without the zeros between, there would be
    nothing to draw a line to from a short event."""
    selector = f"{counter}{{{matchers}}}"
    return f"rate({selector}[$__rate_interval]) and increase({selector}[$__range] @ end()) > 0"


def _expand(expression, by=()):
    for token, matchers in MATCHERS.items():
        expression = expression.replace(token + "}", matchers + "}")
        expression = expression.replace(token + ",", matchers + ",")
    expression = expression.replace("@by", f"by ({', '.join(by)})")
    return " ".join(expression.split())


def _with_namespace(expression):
    """With a label for links: the network namespace, or All for the own one, whose series have none."""
    inner = re.fullmatch(r"sort_desc\((.*)\)", expression, re.DOTALL)
    if inner:
        return f"sort_desc({_with_namespace(inner[1])})"
    return f'label_replace(label_join({expression}, "var_netns", "", "netns"), "var_netns", "All", "var_netns", "")'


def _lead_to_groups(links):
    return any("process" in labels for _, labels, _ in links)


def _thresholds(limit, base):
    steps = [{"color": base, "value": None}]
    if limit:
        steps += [{"color": colour, "value": _number(value)} for value, colour in limit.steps]
    return {"mode": "absolute", "steps": steps}


def _number(value):
    return int(value) if value == int(value) else value


def _targets(series, **how):
    return [
        {
            "datasource": DATA_SOURCE, "refId": "ABCDEFGHIJKLMNOPQRST"[index], "editorMode": "code",
            "expr": _expand(expression), "legendFormat": legend, **how,
        }
        for index, (legend, expression) in enumerate(series)
    ]  # fmt: skip


def _panel(kind, title, help, size, targets, defaults, options, limit, overrides=(), runbooks=()):
    alerts = ([limit.alert] if limit and limit.alert else []) + list(runbooks)
    return {
        "type": kind, "title": title, "description": help, "datasource": DATA_SOURCE,
        "gridPos": {"w": size[0], "h": size[1]},
        "links": [panel_runbook(alert) for alert in dict.fromkeys(alerts)],
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options,
    }  # fmt: skip


_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}


_NO_DATA = {
    "type": "special",
    "options": {"match": "null+nan", "result": {"color": "#8e8e8e", "index": 0, "text": "no data"}},
}


def stat(
    title, expression, help, unit="none", limit=None, size=(3, 4), decimals=None, links=(), runbooks=(),
    empty=None,
):  # fmt: skip
    """One number, now. empty: what stands there where it is well that there is none."""
    defaults = {
        "unit": unit, "color": {"mode": "thresholds"}, "mappings": [] if empty else [_NO_DATA],
        "noValue": empty or "no data",
        "thresholds": _thresholds(limit, "green" if limit else "text"),
        "links": [data_link(link, "__field.labels") for link in links],
    }  # fmt: skip
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
        "reduceOptions": _LAST, "textMode": "value",
    }  # fmt: skip
    targets = _targets([("", expression)], instant=True, range=False, format="time_series")
    return _panel("stat", title, help, size, targets, defaults, options, limit, runbooks=runbooks)


def graph(
    title, series, help, unit="none", limit=None, size=(12, 8), stack=False, fill=0, top=None,
    links=(), lines=(), runbooks=(), decimals=None, bottom=0,
):  # fmt: skip
    """Values over time. series: (legend, expression), ...; lines: legends that are limits, drawn
    dashed; top: the highest value that makes sense; bottom: the lowest, None where it may be below 0."""
    if _lead_to_groups(links):
        series = [(legend, _with_namespace(expression)) for legend, expression in series]
    custom = {
        "drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1,
        "fillOpacity": 30 if stack else fill, "gradientMode": "none",
        "showPoints": "never", "pointSize": 5, "spanNulls": False, "axisPlacement": "auto",
        "axisLabel": "", "scaleDistribution": {"type": "linear"},
        "stacking": {"group": "A", "mode": "normal" if stack else "none"},
        "thresholdsStyle": {"mode": "dashed" if limit else "off"},
    }  # fmt: skip
    defaults = {
        "unit": unit, "color": {"mode": "palette-classic"}, "mappings": [],
        "thresholds": _thresholds(limit, "green"), "custom": custom,
        "links": [data_link(link, "__field.labels") for link in links],
    }  # fmt: skip
    if bottom is not None:
        defaults["min"] = bottom
    if top is not None:
        defaults["max"] = top
    if decimals is None and unit == "percentunit":
        decimals = 1
    if decimals is not None:
        defaults["decimals"] = decimals
    overrides = [
        {
            "matcher": {"id": "byName", "options": legend},
            "properties": [
                {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
                {"id": "custom.fillOpacity", "value": 0},
                {"id": "custom.stacking", "value": {"group": "A", "mode": "none"}},
                {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}},
            ],
        }
        for legend, colour in lines
    ]
    options = {
        "legend": {
            "displayMode": "table", "placement": "right" if size[0] >= 12 else "bottom",
            "showLegend": True, "calcs": ["lastNotNull", "max"], "sortBy": "Last *", "sortDesc": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }  # fmt: skip
    targets = _targets(series, instant=False, range=True, format="time_series")
    return _panel("timeseries", title, help, size, targets, defaults, options, limit, overrides, runbooks)


def bars(title, series, help, unit="none", limit=None, size=(8, 8), top=None, links=(), decimals=None):
    """Several numbers beside each other, now. series: (legend, expression) or (legend, expression,
    limit), ..."""
    if _lead_to_groups(links):
        series = [(legend, _with_namespace(expression), *limits) for legend, expression, *limits in series]
    defaults = {
        "unit": unit, "color": {"mode": "thresholds"}, "mappings": [], "min": 0,
        "thresholds": _thresholds(limit, "green"),
        "links": [data_link(link, "__field.labels") for link in links],
    }  # fmt: skip
    if top is not None:
        defaults["max"] = top
    if decimals is not None:
        defaults["decimals"] = decimals
    targets = _targets([entry[:2] for entry in series], instant=True, range=False, format="time_series")
    overrides = [
        {
            "matcher": {"id": "byFrameRefID", "options": target["refId"]},
            "properties": [
                {"id": "thresholds", "value": _thresholds(entry[2], "green")},
                {"id": "links", "value": [*defaults["links"], runbook(entry[2].alert)]},
            ],
        }
        for target, entry in zip(targets, series)
        if len(entry) == 3
    ]
    options = {
        "displayMode": "basic", "orientation": "horizontal", "reduceOptions": _LAST,
        "showUnfilled": True, "valueMode": "color", "minVizWidth": 8, "minVizHeight": 16,
    }  # fmt: skip
    return _panel("bargauge", title, help, size, targets, defaults, options, limit, overrides)


class Column:
    """A number in every row of a table: its title, where it comes from, and what makes it red."""

    def __init__(self, title, expression, unit="none", limit=None, decimals=None, links=(), gauge=False):
        self.title = title
        self.expression = expression
        self.unit = unit
        self.limit = limit
        self.decimals = decimals
        self.links = links
        self.gauge = gauge


def table(
    title,
    by,
    columns,
    help,
    rows=None,
    sort=None,
    descending=True,
    size=(24, 8),
    links=None,
    runbooks=(),
    mapped=(),
    empty=None,
):
    """A row for each combination of the labels `by`, now.

    rows: an expression whose series say which rows there are; without it, every column may add some.
    sort: the column that rows are sorted by; the first one unless said otherwise.
    links: label to links of its cells.
    mapped: override objects for labels' cells.
    empty: what stands there where it is well that there is no row.
    """
    expressions = [f"({column.expression}) and ({rows})" if rows else column.expression for column in columns]
    every_link = [link for column in columns for link in column.links]
    every_link += [link for of_label in (links or {}).values() for link in of_label if link != RUNBOOK_OF_ROW]
    hidden = []
    if "netns" in by:
        if _lead_to_groups(every_link):
            hidden = ["var_netns"]
            expressions = [_with_namespace(expression) for expression in expressions]
        # `merge` writes a row into every row that it does not contradict: one without the label, into
        # those of all namespaces.
        expressions = [
            f'label_replace({expression}, "netns", "(own)", "netns", "")' for expression in expressions
        ]
    targets = _targets([("", "") for _ in columns], instant=True, range=False, format="table")
    overrides = list(mapped)
    renamed = {}
    for target, column, expression in zip(targets, columns, expressions):
        target["expr"] = _expand(expression, by)
        renamed[f"Value #{target['refId']}"] = column.title
        properties = [{"id": "unit", "value": column.unit}]
        if empty:
            properties.append({"id": "noValue", "value": ""})
        if column.decimals is not None:
            properties.append({"id": "decimals", "value": column.decimals})
        cell_links = [data_link(link, "__data.fields") for link in column.links]
        if column.limit:
            properties.append({"id": "thresholds", "value": _thresholds(column.limit, "transparent")})
            kind = {"type": "color-background", "mode": "basic"}
            properties.append({"id": "custom.cellOptions", "value": kind})
            cell_links.append(runbook(column.limit.alert))
        if cell_links:
            properties.append({"id": "links", "value": cell_links})
        overrides.append({"matcher": {"id": "byName", "options": column.title}, "properties": properties})
    if len(columns) == 1:
        renamed["Value"] = columns[0].title
    for label, targets_of_label in (links or {}).items():
        found = [data_link(link, "__data.fields") for link in targets_of_label]
        overrides.append(
            {
                "matcher": {"id": "byName", "options": label},
                "properties": [{"id": "links", "value": found}],
            }
        )
    overrides += [
        {
            "matcher": {"id": "byName", "options": label},
            "properties": [{"id": "custom.hidden", "value": True}],
        }
        for label in hidden
    ]
    order = list(by) + hidden + list(renamed)
    transformations = [
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True},
                "indexByName": {name: index for index, name in enumerate(order)},
                "renameByName": renamed,
            },
        },
    ]
    defaults = {
        "unit": "none", "color": {"mode": "thresholds"}, "mappings": [],
        "thresholds": _thresholds(None, "transparent"),
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True, "inspect": False},
    }  # fmt: skip
    if empty:
        defaults["noValue"] = empty
    options = {
        "showHeader": True, "cellHeight": "sm", "frameIndex": 0,
        "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
        "sortBy": [{"displayName": sort or columns[0].title, "desc": descending}],
    }  # fmt: skip
    panel = _panel("table", title, help, size, targets, defaults, options, None, overrides, runbooks)
    panel["transformations"] = transformations
    return panel


def texts(label, colours):
    """Cells of a label by what it is: their text and colour."""
    options = {
        value: {"color": colour, "index": index, "text": text}
        for index, (value, (text, colour)) in enumerate(colours.items())
    }
    return {
        "matcher": {"id": "byName", "options": label},
        "properties": [
            {"id": "mappings", "value": [{"type": "value", "options": options}]},
            {"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}},
        ],
    }
