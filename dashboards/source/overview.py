"""From the fleet to one host: who is in trouble, with what, and where to look next."""

from .alerts import COLOURS, any_of, limit
from .frame import make
from .links import RUNBOOK_OF_ROW, to
from .panels import Column, bars, graph, stat, table, texts, top

QUEUE = "socket_listener_accept_queue{@ns} / (socket_listener_accept_queue_limit{@ns} + 1)"
FIRING = 'ALERTS{alertstate="firing", alertname=~"Socket.*", @host}'
ABOUT = f"""label_join(
    (time() - ALERTS_FOR_STATE{{alertname=~"Socket.*", @host}}) and ignoring (alertstate) {FIRING},
    "what", " ", "process", "parent", "address", "port", "collector", "protocol", "netns")"""
# So that rows are sorted by severity and not by its name.
RANKS = {"1": "critical", "2": "warning", "3": "info"}
HERE = to("overview", "instance", title="This host")


def firing(severity):
    return f'count({FIRING[:-1]}, severity="{severity}"}}) or vector(0)'


def ranked(expression):
    for rank, severity in RANKS.items():
        expression = f'label_replace({expression}, "severity", "{rank}", "severity", "{severity}")'
    return expression


def above_zero(counter):
    return f"rate(socket_tcp_{counter}_total{{@ns}}[$__rate_interval]) > 0"


def worst(expression):
    return f"topk(10, max @by ({expression}))"


def ratio(name, used, of):
    return f"max by (instance) ({used}{{{name}}} / {of}{{{name}}})"


ROWS = [
    (
        "The fleet",
        stat(
            "Hosts", "count(up{@host})",
            "Exporters that Prometheus scrapes. One that is missing here is missing in the scrape"
            " configuration: look at Prometheus' Targets page.",
        ),
        stat(
            "Not answering", "sum(1 - up{@host})",
            "Exporters whose last scrape failed. Nothing is known of the sockets of their hosts, and no"
            " alert about them can fire. On the host: `systemctl status socket-exporter`.",
            limit=limit("SocketExporterDown"), links=[to("exporter")],
        ),
        stat(
            "Critical alerts", firing("critical"),
            "Alerts that page somebody and fire now. They are in the table below, each with its runbook.",
            limit=any_of("critical"),
        ),
        stat(
            "Warnings", firing("warning"),
            "Alerts that write a ticket and fire now. They are in the table below, each with its runbook.",
            limit=any_of("warning"),
        ),
        stat(
            "Worst CLOSE_WAIT", 'max(socket_process_close_wait_aged{older_than="60", @process})',
            "Sockets that one group of processes has held in CLOSE_WAIT for more than a minute: the peer has"
            " closed, the program has not. Go to the CLOSE_WAIT dashboard; on the host:"
            " `ss -Htanp state close-wait`.",
            limit=limit("SocketCloseWaitHigh"), links=[to("close-wait")],
        ),
        stat(
            "Worst descriptor use", "max(socket_process_fd_limit_ratio{@process})",
            "Open descriptors of one process, as a share of its limit. At 100 % it can accept and open nothing"
            " more. On the host: `ls /proc/<pid>/fd | wc -l` and `grep files /proc/<pid>/limits`.",
            "percentunit", limit("SocketProcessFileDescriptorsHigh"), decimals=0, links=[to("processes")],
        ),
        stat(
            "Fullest accept queue", f"max({QUEUE})",
            "Connections that wait for accept(), as a share of what the listener's queue takes. When it is"
            " full, clients wait and time out. On the host: `ss -Htlnp`.",
            "percentunit", limit("SocketAcceptQueueHigh"), decimals=0, links=[to("listeners")],
        ),
        stat(
            "Worst ephemeral ports", "max(socket_ephemeral_ports_used_worst{@ns} / socket_ephemeral_ports{@ns})",
            "Ports used from one address to one destination, as a share of all there are. At 100 % connect()"
            " fails with EADDRNOTAVAIL. The Listeners and limits dashboard names the destination.",
            "percentunit", limit("SocketEphemeralPortsHigh"), decimals=0, links=[to("listeners")],
        ),
        table(
            "Firing alerts", ("severity", "alertname", "instance", "what"),
            [
                Column(
                    "Active for",
                    f"max @by ({ranked(ABOUT)})", "dtdurations", decimals=0,
                )
            ],
            "Alerts that fire now. `what` is the process, listener, collector and network namespace it is"
            " about. Click on an alert for its runbook, on an instance for its host.",
            size=(24, 8), sort="severity", descending=False,
            links={"alertname": [RUNBOOK_OF_ROW], "instance": [HERE]},
            mapped=[texts("severity", {rank: (name, COLOURS[name]) for rank, name in RANKS.items()})],
        ),
        table(
            "Hosts nearest to a limit: the ten worst of each", ("instance",),
            [
                Column(
                    "CLOSE_WAIT > 1 min",
                    worst('socket_process_close_wait_aged{older_than="60", @process}'),
                    limit=limit("SocketCloseWaitHigh"), links=[to("close-wait", "instance")],
                ),
                Column(
                    "Descriptors", worst("socket_process_fd_limit_ratio{@process}"), "percentunit",
                    limit("SocketProcessFileDescriptorsHigh"), 0, [to("processes", "instance")],
                ),
                Column(
                    "Accept queue", worst(QUEUE), "percentunit", limit("SocketAcceptQueueHigh"), 0,
                    [to("listeners", "instance")],
                ),
                Column(
                    "Ephemeral ports",
                    worst("socket_ephemeral_ports_used_worst{@ns} / socket_ephemeral_ports{@ns}"),
                    "percentunit", limit("SocketEphemeralPortsHigh"), 0, [to("listeners", "instance")],
                ),
                Column(
                    "File handles", worst("socket_file_handles{@host} / socket_file_handles_limit{@host}"),
                    "percentunit", limit("SocketFileHandlesHigh"), 0,
                ),
                Column(
                    "Processes", worst("socket_processes{@host} / socket_processes_limit{@host}"),
                    "percentunit", limit("SocketProcessesNearLimit"), 0,
                ),
                Column(
                    "Zombies", worst("sum without (sigchld) (socket_zombie_children{@host})"),
                    limit=limit("SocketZombieProcesses"), links=[to("processes", "instance")],
                ),
                Column(
                    "TIME_WAIT",
                    worst("socket_sockstat_tcp_time_wait{@ns} / socket_sockstat_tcp_time_wait_limit{@ns}"),
                    "percentunit", limit("SocketTimeWaitHigh"), 0,
                ),
                Column(
                    "Conntrack", worst("socket_conntrack_entries{@ns} / socket_conntrack_entries_limit{@ns}"),
                    "percentunit", limit("SocketConntrackHigh"), 0,
                ),
                Column(
                    "Orphans",
                    worst("socket_sockstat_tcp_orphans{@host} / socket_sockstat_tcp_orphans_limit{@host}"),
                    "percentunit", limit("SocketTCPOrphansHigh"), 0,
                ),
                Column(
                    "TCP memory",
                    worst("""socket_sockstat_memory_bytes{protocol="tcp", @host} / ignoring (threshold)
                        socket_sockstat_memory_limit_bytes{protocol="tcp", threshold="high", @host}"""),
                    "percentunit", limit("SocketTCPMemoryHigh", severity="critical"), 0,
                ),
            ],
            "A row for each host that is among the ten worst for any limit; an empty cell means that the host"
            " is not among the ten for that one, or that its kernel does not tell. Each cell has the worst"
            " process, listener or namespace of the host, in the colour of the alert. Click on a host to see it"
            " below, on a cell for the details.",
            size=(24, 7), links={"instance": [HERE]},
        ),
    ),
    (
        "Hosts: $instance",
        graph(
            "TCP sockets by state",
            [("{{state}}", 'sum by (state) (socket_tcp_sockets{@ns})')],
            "All eleven states, IPv4 and IPv6, of the chosen hosts and network namespaces together. close_wait"
            " that only rises is a leak here; fin_wait2 that rises, one at the peer; syn_sent, a destination that"
            " does not answer. On the host: `ss -s`, `ss -tan state syn-sent`.",
            links=[to("close-wait")],
        ),
        graph(
            "CLOSE_WAIT by process, the ten highest",
            [
                (
                    "{{process}} {{netns}} {{instance}}",
                    top(10, 'socket_process_tcp_sockets{state="close_wait", @process}'),
                )
            ],
            "Sockets whose peer has closed and whose program has not. The lines are where the alert begins, when"
            " sockets stay for more than a minute. Click on a line to go on with this process.",
            limit=limit("SocketCloseWaitHigh"), links=[to("close-wait", "instance", "process")],
        ),
        bars(
            "Sockets held, the ten highest",
            [
                (
                    "{{process}} {{netns}} {{instance}}",
                    "sort_desc(topk(10, sum by (instance, netns, process) (socket_process_socket_fds{@process})))",
                )
            ],
            "Descriptors that are sockets, by group of processes. Click to go on with one. On the host:"
            " `ls -l /proc/<pid>/fd | grep -c socket:`.",
            links=[to("processes", "instance", "process")],
        ),
        bars(
            "Descriptors used of the limit, the ten highest",
            [
                (
                    "{{process}} {{netns}} {{instance}}",
                    "sort_desc(topk(10, socket_process_fd_limit_ratio{@process}))",
                )
            ],
            "Of the member of each group that is nearest to its limit (RLIMIT_NOFILE). At 100 % accept() and"
            " open() fail with EMFILE. To raise it at once: `prlimit --pid <pid> --nofile=65536`.",
            "percentunit", limit("SocketProcessFileDescriptorsHigh"), top=1, decimals=0,
            links=[to("processes", "instance", "process")],
        ),
        bars(
            "Limits of the host",
            [
                (
                    "file handles", ratio("@host", "socket_file_handles", "socket_file_handles_limit"),
                    limit("SocketFileHandlesHigh"),
                ),
                (
                    "processes", ratio("@host", "socket_processes", "socket_processes_limit"),
                    limit("SocketProcessesNearLimit"),
                ),
                (
                    "ephemeral ports", ratio("@ns", "socket_ephemeral_ports_used_worst", "socket_ephemeral_ports"),
                    limit("SocketEphemeralPortsHigh"),
                ),
                (
                    "TIME_WAIT",
                    ratio("@ns", "socket_sockstat_tcp_time_wait", "socket_sockstat_tcp_time_wait_limit"),
                    limit("SocketTimeWaitHigh"),
                ),
                (
                    "conntrack", ratio("@ns", "socket_conntrack_entries", "socket_conntrack_entries_limit"),
                    limit("SocketConntrackHigh"),
                ),
                (
                    "orphans",
                    ratio("@host", "socket_sockstat_tcp_orphans", "socket_sockstat_tcp_orphans_limit"),
                    limit("SocketTCPOrphansHigh"),
                ),
                (
                    "TCP memory",
                    """max by (instance) (socket_sockstat_memory_bytes{protocol="tcp", @host}
                        / ignoring (threshold)
                        socket_sockstat_memory_limit_bytes{protocol="tcp", threshold="high", @host})""",
                    limit("SocketTCPMemoryHigh", severity="critical"),
                ),
            ],
            "Where the kernel refuses more, each as a share of its limit and in the colour of its alert; of"
            " several network namespaces the worst. What the kernel does not tell is left out. The Listeners and"
            " limits dashboard has them over time.",
            "percentunit", top=1, decimals=0, links=[to("listeners", "instance")],
        ),
        graph(
            "Refused and lost",
            [
                ("accept queue full {{netns}} {{instance}}", above_zero("listen_overflows")),
                ("SYN dropped {{netns}} {{instance}}", above_zero("request_queue_full_drops")),
                ("retransmitted {{netns}} {{instance}}", above_zero("segments_retransmitted")),
                ("resets sent {{netns}} {{instance}}", above_zero("resets_sent")),
            ],
            "For each second: connections refused because a listener's accept queue was full, requests dropped"
            " because theirs was, segments sent again, resets sent. What is 0 is left out. The Listeners and limits"
            " dashboard tells more; on the host: `nstat -az TcpExtListenOverflows TcpRetransSegs`.",
            "cps", links=[to("listeners", "instance")],
        ),
        table(
            "Accept queues, the ten fullest", ("instance", "netns", "process", "address", "port"),
            [
                Column("Waiting", "max @by (socket_listener_accept_queue{@ns})"),
                Column("Limit", "max @by (socket_listener_accept_queue_limit{@ns})"),
                Column("Full", f"max @by ({QUEUE})", "percentunit", limit("SocketAcceptQueueHigh"), 0),
            ],
            "Connections that wait for accept(). A full queue means a program that is stuck, starved of CPU, or out"
            " of descriptors. On the host: `ss -Htlnp` (Recv-Q of Send-Q), then look at the process.",
            rows=f"topk(10, max @by ({QUEUE}))", sort="Full", size=(12, 8),
            links={"process": [to("processes", "instance", "process")]},
        ),
    ),
]  # fmt: skip


def dashboard():
    return make(
        "overview",
        "Which hosts are in trouble with their sockets, and what one of them does. Choose a host in the tables.",
        ROWS,
    )
