"""What the dashboards are made of. A dashboard is a list of rows, a row a title and its panels.

In expressions these stand for matchers of the dashboard's variables:

    @host     job, instance                     what there is once for a host
    @ns       job, instance, netns              what there is for each network namespace
    @process  job, instance, netns, process     what there is for each group of processes

and @by in a table for `by (...)` with the labels of its rows.
"""

from .links import data_link, panel_runbook, runbook

DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HOST = 'job=~"$job", instance=~"$instance"'
MATCHERS = {
    "@host": HOST,
    "@ns": HOST + ', netns=~"$netns"',
    "@process": HOST + ', netns=~"$netns", process=~"$process"',
}


def top(count, vector):
    """The same few series over the whole graph: those that were highest at any time in it. A plain
    topk() chooses anew at every step, and the graph shows pieces of many series. Those that were 0 all
    the time are left out."""
    name, matchers = vector.split("{", 1)
    return f"{vector} and topk({count}, max_over_time({name}{{{matchers}[$__range] @ end()) > 0)"


def _expand(expression, by=()):
    for token, matchers in MATCHERS.items():
        expression = expression.replace(token + "}", matchers + "}")
        expression = expression.replace(token + ",", matchers + ",")
    expression = expression.replace("@by", f"by ({', '.join(by)})")
    return " ".join(expression.split())


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


def stat(title, expression, help, unit="none", limit=None, size=(3, 4), decimals=None, links=(), runbooks=()):
    """One number, now."""
    defaults = {
        "unit": unit, "color": {"mode": "thresholds"}, "mappings": [], "noValue": "none",
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
    links=(), lines=(), runbooks=(), decimals=None,
):  # fmt: skip
    """Values over time. series: (legend, expression), ...; lines: legends that are limits, drawn
    dashed; top: the highest value that makes sense."""
    custom = {
        "drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1,
        "fillOpacity": 30 if stack else fill, "gradientMode": "none",
        "showPoints": "never", "pointSize": 5, "spanNulls": False, "axisPlacement": "auto",
        "axisLabel": "", "scaleDistribution": {"type": "linear"},
        "stacking": {"group": "A", "mode": "normal" if stack else "none"},
        "thresholdsStyle": {"mode": "dashed" if limit else "off"},
    }  # fmt: skip
    defaults = {
        "unit": unit, "color": {"mode": "palette-classic"}, "mappings": [], "min": 0,
        "thresholds": _thresholds(limit, "green"), "custom": custom,
        "links": [data_link(link, "__field.labels") for link in links],
    }  # fmt: skip
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
                {"id": "links", "value": [runbook(entry[2].alert)]},
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
):
    """A row for each combination of the labels `by`, now.

    rows: an expression whose series say which rows there are; without it, every column may add some.
    sort: the column that rows are sorted by; the first one unless said otherwise.
    links: label to links of its cells.
    mapped: override objects for labels' cells.
    """
    expressions = [f"({column.expression}) and ({rows})" if rows else column.expression for column in columns]
    targets = _targets([("", "") for _ in columns], instant=True, range=False, format="table")
    overrides = list(mapped)
    renamed = {}
    for target, column, expression in zip(targets, columns, expressions):
        target["expr"] = _expand(expression, by)
        renamed[f"Value #{target['refId']}"] = column.title
        properties = [{"id": "unit", "value": column.unit}]
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
    order = list(by) + list(renamed)
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
