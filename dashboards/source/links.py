"""Links from one dashboard to another, and to the runbooks."""

TITLES = {
    "overview": "Overview",
    "close-wait": "CLOSE_WAIT",
    "processes": "Processes and descriptors",
    "listeners": "Listeners and limits",
    "exporter": "The exporter",
}


def to(dashboard, *labels, title=None):
    """A link to another dashboard that carries over the labels of what was clicked."""
    return (dashboard, labels, title or TITLES[dashboard])


RUNBOOK_OF_ROW = ("runbook of the alert in the row",)


def data_link(link, field):
    if link == RUNBOOK_OF_ROW:
        url = f"${{runbooks}}/${{{field}.alertname}}.md"
        return {"title": "Runbook", "url": url, "targetBlank": True}
    dashboard, labels, title = link
    chosen = "".join(f"&var-{label}=${{{field}.{label}}}" for label in labels)
    kept = "".join(
        f"&${{{name}:queryparam}}" for name in ("job", "instance", "netns", "process") if name not in labels
    )
    url = f"/d/socket-exporter-{dashboard}?${{datasource:queryparam}}{kept}{chosen}&${{__url_time_range}}"
    return {"title": title, "url": url, "targetBlank": False}


def runbook(alert):
    return {"title": f"Runbook: {alert}", "url": f"${{runbooks}}/{alert}.md", "targetBlank": True}


def panel_runbook(alert):
    link = runbook(alert)
    return {
        "title": link["title"], "type": "link", "icon": "external link", "tooltip": "", "tags": [],
        "url": link["url"], "asDropdown": False, "targetBlank": True, "includeVars": False,
        "keepTime": False,
    }  # fmt: skip
