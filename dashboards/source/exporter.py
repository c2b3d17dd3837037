"""Whether what the other dashboards show can be believed, and what it costs."""

from .alerts import limit
from .frame import make
from .links import to
from .panels import Column, graph, stat, table

ANSWERED = "socket_exporter_collector_last_success_timestamp_seconds{@host}"
AGE = f"(timestamp({ANSWERED}) - {ANSWERED})"
INTERVAL = "socket_exporter_collector_interval_seconds{@host}"
HOST_LINK = {
    "instance": [
        to("exporter", "instance", title="Only this one"),
        to("overview", "instance", title="This host"),
    ]
}


# Adds labels and nothing else to what has one series for each host.
BUILD = """ + on (job, instance) group_left (version, backend) (0 * socket_exporter_build_info{@host}
    * on (job, instance) group_left (backend) (socket_exporter_backend_info{@host} == 1))"""


def rate(counter):
    return f"rate({counter}{{@host}}[$__rate_interval])"


ROWS = [
    (
        "Can it be believed?",
        stat(
            "Not answering", "sum(1 - up{@host})",
            "Exporters whose last scrape failed. `curl -sv http://<instance>/-/healthy`; on the host:"
            " `journalctl -u socket-exporter -n 50`.",
            limit=limit("SocketExporterDown"), runbooks=["SocketExporterAbsent"],
        ),
        stat(
            "Failing collectors", "sum(1 - socket_exporter_collector_success{@host})",
            "Collectors whose last attempt failed, or is older than five intervals. Their metrics are old or"
            " gone; the log says why: `journalctl -u socket-exporter -n 50`.",
            limit=limit("SocketExporterCollectorFailed"),
        ),
        stat(
            "Oldest sample", f"max({AGE})",
            "Age of the oldest collector's sample when it was scraped, by two clocks. An alert begins at three"
            " intervals of the collector, a minute at least.",
            "s", decimals=1, runbooks=["SocketExporterSampleStale"],
        ),
        stat(
            "Longest interval", f"max({INTERVAL})",
            "Time between two samples of the collector that is sampled least often. Longer than"
            " --collect.interval where a sample costs more than --collect.cpu-budget allows.",
            "s", decimals=0,
        ),
        stat(
            "Unreadable processes", "max(socket_processes_unreadable{@host})",
            "Processes of the worst host whose descriptors the exporter may not read. It takes CAP_SYS_PTRACE and"
            " CAP_DAC_READ_SEARCH: `grep CapEff /proc/$(pidof socket-exporter)/status`.",
            limit=limit("SocketExporterProcessesUnreadable"),
        ),
        stat(
            "Unread namespaces",
            'max(sum without (result) (socket_exporter_network_namespaces{result=~"failed|skipped", @host}))',
            "Network namespaces of the worst host that were not read: `failed` lacks CAP_SYS_ADMIN, or the log"
            " says what; `skipped` are past 500. `none`: the exporters run without --netns=all.",
            limit=limit("SocketExporterNamespacesUnread"),
        ),
        stat(
            "CPU, worst", f"max({rate('process_cpu_seconds_total')})",
            "Share of one core of the exporter that uses most. --collect.cpu-budget is 2 % unless said otherwise.",
            "percentunit", decimals=2,
        ),
        stat(
            "Memory, worst", "max(process_resident_memory_bytes{@host})",
            "Resident memory of the exporter that uses most.", "bytes", decimals=1,
        ),
        table(
            "Exporters", ("instance", "version", "backend"),
            [
                Column("Up for", f"max @by (time() - process_start_time_seconds{{@host}}{BUILD})", "dtdurations", decimals=0),
                Column("CPU", f"max @by ({rate('process_cpu_seconds_total')}{BUILD})", "percentunit", decimals=2),
                Column("Memory", f"max @by (process_resident_memory_bytes{{@host}}{BUILD})", "bytes", decimals=1),
                Column(
                    "Descriptors", f"max @by (process_open_fds{{@host}} / process_max_fds{{@host}}{BUILD})",
                    "percentunit", decimals=1,
                ),
                Column("Samples a scrape", f"max @by (scrape_samples_scraped{{@host}}{BUILD})"),
            ],
            "What runs where. backend `procfs` alone means that the kernel refuses sock_diag: states come from"
            " /proc/net/tcp, are less exact and cost more. Samples a scrape: how many series the host costs"
            " Prometheus.",
            size=(24, 6), links=HOST_LINK,
        ),
    ),
    (
        "Samples",
        graph(
            "Age of the samples",
            [
                ("{{collector}}", f"max by (collector) ({AGE})"),
                ("alert from", f"max(clamp_min(3 * {INTERVAL}, 60))"),
            ],
            "When they were scraped; the oldest of the chosen hosts. A sawtooth up to the interval is ordinary."
            " A straight rise: the sampler hangs, or a clock is wrong (`ssh <host> date; date`).",
            "s", lines=[("alert from", "orange")], runbooks=["SocketExporterSampleStale"],
        ),
        graph(
            "Interval of the collectors", [("{{collector}}", f"max by (collector) ({INTERVAL})")],
            "The longest of the chosen hosts. What costs more than --collect.cpu-budget runs less often; give it"
            " more, or accept it.",
            "s",
        ),
        table(
            "Collectors", ("instance", "collector"),
            [
                Column(
                    "Failing", "max @by (1 - socket_exporter_collector_success{@host})",
                    limit=limit("SocketExporterCollectorFailed"),
                ),
                Column("Age", f"max @by ({AGE})", "s", decimals=1),
                Column("Interval", f"max @by ({INTERVAL})", "s", decimals=0),
                Column("Takes", "max @by (socket_exporter_collector_duration_seconds{@host})", "s", decimals=3),
                Column("CPU", f"max @by ({rate('socket_exporter_collector_cpu_seconds_total')})", "percentunit", decimals=2),
                Column(
                    "Errors in the time shown",
                    "max @by (increase(socket_exporter_collector_errors_total{@host}[$__range]))", decimals=0,
                ),
            ],
            "One row for each collector of each host, the forty that cost most. `tcp` is charged with the one"
            " dump that answers tcp, listener and port.",
            rows=f"topk(40, max @by ({rate('socket_exporter_collector_cpu_seconds_total')}))", sort="CPU", size=(12, 9),
            links=HOST_LINK,
        ),
        graph(
            "How long a sample takes",
            [("{{collector}}", "max by (collector) (socket_exporter_collector_duration_seconds{@host})")],
            "Of the slowest of the chosen hosts. It grows with the sockets (tcp) and with processes and their"
            " descriptors (process). A scrape never waits for it.",
            "s", size=(12, 9),
        ),
        graph(
            "Failing collectors and errors",
            [
                ("failing {{collector}}", "sum by (collector) (1 - socket_exporter_collector_success{@host})"),
                (
                    "errors {{collector}}",
                    "sum by (collector) (increase(socket_exporter_collector_errors_total{@host}[$__rate_interval]))",
                ),
            ],
            "Collectors that fail now, and attempts that failed. One error among many samples is a race with"
            " something that went away; what lasts is in the log.",
            runbooks=["SocketExporterCollectorFailed"],
        ),
        graph(
            "Network namespaces by result", [("{{result}} {{instance}}", "socket_exporter_network_namespaces{@host}")],
            "Others than the exporter's own, with --netns=all. failed: may not be entered, or a table of it failed;"
            " skipped: past 500.",
            runbooks=["SocketExporterNamespacesUnread"],
        ),
    ),
    (
        "Cost",
        graph(
            "CPU by collector",
            [
                ("{{collector}}", f"max by (collector) ({rate('socket_exporter_collector_cpu_seconds_total')})"),
                ("whole process", f"max({rate('process_cpu_seconds_total')})"),
            ],
            "Share of one core, of the host where it is highest. The whole process has the pages and HTTP in it.",
            "percentunit", size=(8, 8), decimals=2,
        ),
        graph(
            "Memory",
            [
                ("resident {{instance}}", "process_resident_memory_bytes{@host}"),
            ],
            "Resident memory of each exporter. It grows with what is sampled, and does not creep: report it if"
            " it does.",
            "bytes", size=(8, 8),
        ),
        graph(
            "Series of each host", [("{{instance}}", "scrape_samples_scraped{@host}")],
            "Samples in one scrape. Every network namespace of --netns=all and every group of processes adds some;"
            " --process.max-groups and --process.group-by bound them.",
            size=(8, 8),
        ),
        graph(
            "Requests", [("{{code}} {{instance}}", rate("socket_exporter_http_requests_total") + " > 0")],
            "Answers in each second by status. 503 is before the first sample, or when none succeeded for five"
            " intervals.",
            "reqps", size=(8, 8),
        ),
        graph(
            "Rejected", [("{{reason}} {{instance}}", rate("socket_exporter_http_rejected_total"))],
            "Requests and connections in each second that were refused to keep within the exporter's own limits:"
            " somebody asks too often, or holds connections open.",
            "reqps", size=(8, 8),
        ),
        graph(
            "How long a scrape takes", [("{{instance}}", "scrape_duration_seconds{@host}")],
            "As Prometheus measures it, network included. The page is made of the last sample, so what is slow"
            " here is the network, or a host without a free core.",
            "s", size=(8, 8),
        ),
        table(
            "What was summed up", ("instance", "netns"),
            [
                Column("Process groups", "sum @by (socket_process_groups_folded{@host})"),
                Column("Listeners", "sum @by (socket_listeners_folded{@ns})"),
                Column("Listener ports", "sum @by (socket_listener_ports_folded{@ns})"),
                Column("Parents of zombies", "sum @by (socket_zombie_parents_folded{@host})"),
            ],
            "How many groups, listeners, ports and parents are past their caps and in a series `other`. The caps"
            " keep the number of series bounded; --process.max-groups raises that of groups and parents.",
            size=(24, 6), links=HOST_LINK,
        ),
    ),
]  # fmt: skip


def dashboard():
    return make(
        "exporter",
        "Whether the exporters answer, how old and how complete their samples are, and what they cost.",
        ROWS,
        alerts=[
            "SocketExporterDown",
            "SocketExporterAbsent",
            "SocketExporterCollectorFailed",
            "SocketExporterSampleStale",
        ],
    )
