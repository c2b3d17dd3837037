"""What is around the panels of every dashboard: variables, annotations, links, places."""

from .links import TITLES, panel_runbook
from .panels import DATA_SOURCE, HOST

RUNBOOKS = "https://socket-exporter.example/docs/runbooks"


def _query_variable(name, label, query, everything):
    return {
        "type": "query", "name": name, "label": label, "datasource": DATA_SOURCE, "hide": 0,
        "query": {"query": query, "refId": name}, "definition": query, "regex": "", "multi": True,
        "includeAll": True, "allValue": everything, "refresh": 2, "sort": 1, "skipUrlSync": False,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, "options": [],
    }  # fmt: skip


def _variables():
    return [
        {
            "type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus",
            "hide": 0, "multi": False, "includeAll": False, "refresh": 1, "regex": "",
            "skipUrlSync": False, "current": {}, "options": [],
        },
        _query_variable("job", "Job", "label_values(socket_exporter_build_info, job)", ".+"),
        _query_variable(
            "instance", "Instance", 'label_values(socket_exporter_build_info{job=~"$job"}, instance)', ".+"
        ),
        # Series of the exporter's own namespace have no such label, hence not ".+".
        _query_variable(
            "netns", "Network namespace",
            f"label_values(socket_sockstat_sockets_used{{{HOST}}}, netns)",
            ".*",
        ),
        _query_variable(
            "process", "Process",
            f'label_values(socket_process_instances{{{HOST}, netns=~"$netns"}}, process)',
            ".+",
        ),
        {
            "type": "constant", "name": "runbooks", "label": "Runbooks", "query": RUNBOOKS, "hide": 2,
            "skipUrlSync": True, "current": {"selected": True, "text": RUNBOOKS, "value": RUNBOOKS},
            "options": [{"selected": True, "text": RUNBOOKS, "value": RUNBOOKS}],
        },
    ]  # fmt: skip


def _annotation(severity, colour):
    # SocketExporterAbsent has no instance: there is none.
    matchers = 'job=~"$job", instance=~"$instance|"'
    expression = f'ALERTS{{alertstate="firing", alertname=~"Socket.*", severity="{severity}", {matchers}}}'
    return {
        "name": f"Alerts: {severity}", "datasource": DATA_SOURCE, "enable": severity != "info",
        "hide": False, "iconColor": colour, "expr": expression, "titleFormat": "{{alertname}}",
        "textFormat": "{{instance}} {{netns}} {{process}}{{parent}}{{collector}} {{port}}",
    }  # fmt: skip


def _links(own):
    links = [
        {
            "title": title, "type": "link", "icon": "dashboard", "tooltip": "", "tags": [],
            "url": f"/d/socket-exporter-{name}", "asDropdown": False, "targetBlank": False,
            "includeVars": True, "keepTime": True,
        }
        for name, title in TITLES.items()
        if name != own
    ]  # fmt: skip
    return links


def _place(rows):
    """Numbers the panels and puts them from left to right, the next line below the highest of one."""
    panels, y = [], 0
    for title, *members in rows:
        panels.append(
            {
                "id": len(panels) + 1, "type": "row", "title": title, "collapsed": False,
                "panels": [], "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
            }  # fmt: skip
        )
        y += 1
        x = height = 0
        for panel in members:
            size = panel["gridPos"]
            if x + size["w"] > 24:
                x, y, height = 0, y + height, 0
            panels.append({"id": len(panels) + 1, **panel, "gridPos": {"x": x, "y": y, **size}})
            x, height = x + size["w"], max(height, size["h"])
        y += height
    return panels


def make(name, help, rows, since="now-1h", alerts=()):
    links = _links(name) + [panel_runbook(alert) for alert in alerts]
    return {
        "uid": f"socket-exporter-{name}", "title": f"Sockets / {TITLES[name]}", "description": help,
        "tags": ["socket-exporter"], "schemaVersion": 38, "version": 1, "editable": False,
        "graphTooltip": 1, "timezone": "browser", "time": {"from": since, "to": "now"},
        "refresh": "1m", "timepicker": {}, "fiscalYearStartMonth": 0, "links": links,
        "annotations": {
            "list": [
                _annotation("critical", "red"), _annotation("warning", "orange"),
                _annotation("info", "blue"),
            ]
        },
        "templating": {"list": _variables()}, "panels": _place(rows),
    }  # fmt: skip
