"""Who listens and does not keep up, and where the kernel ends what the host may have."""

from .alerts import limit
from .frame import make
from .links import to
from .panels import Column, bars, graph, stat, table, top

WAITING = "socket_listener_accept_queue{@process}"
ROOM = "(socket_listener_accept_queue_limit{@process} + 1)"
PLACE = "{{netns}} {{instance}}"
LISTENER = ("instance", "netns", "process", "address", "port")
MEMORY = 'socket_sockstat_memory_bytes{protocol="tcp", @host}'


def rate(counter, matchers="@ns"):
    return f"rate(socket_tcp_{counter}_total{{{matchers}}}[$__rate_interval])"


def memory_limit(threshold, protocol="tcp"):
    return f'socket_sockstat_memory_limit_bytes{{protocol="{protocol}", threshold="{threshold}", @host}}'


def use(used, of, matchers):
    return f"{used}{{{matchers}}} / {of}{{{matchers}}}"


PORTS_RATIO = use("socket_ephemeral_ports_used_worst", "socket_ephemeral_ports", "@ns")
WAITING_RATIO = use("socket_sockstat_tcp_time_wait", "socket_sockstat_tcp_time_wait_limit", "@ns")
TRACKED_RATIO = use("socket_conntrack_entries", "socket_conntrack_entries_limit", "@ns")
HANDLES_RATIO = use("socket_file_handles", "socket_file_handles_limit", "@host")
ORPHANS_RATIO = use("socket_sockstat_tcp_orphans", "socket_sockstat_tcp_orphans_limit", "@host")
MEMORY_RATIO = f"{MEMORY} / ignoring (threshold) {memory_limit('high')}"

ROWS = [
    (
        "Do servers keep up?",
        stat(
            "Fullest accept queue", f"max({WAITING} / {ROOM})",
            "Connections that wait for accept(), as a share of what the queue takes. When it is full, clients wait"
            " a second or more and then time out.",
            "percentunit", limit("SocketAcceptQueueHigh"), decimals=0, size=(4, 4),
        ),
        stat(
            "Overflows", f"max({rate('listen_overflows')})",
            "Connections refused in each second because an accept queue was full, in the network namespace"
            " with most.",
            "cps", limit("SocketListenOverflows", least=0.001), size=(4, 4), decimals=2,
        ),
        stat(
            "SYN dropped", f"max({rate('request_queue_full_drops')})",
            "Of the network namespace with most: connection requests dropped in each second because their queue"
            " was full and SYN cookies are off: `sysctl net.ipv4.tcp_syncookies`.",
            "cps", limit("SocketSYNDropped"), size=(4, 4), decimals=2,
        ),
        stat(
            "SYN cookies", f"max({rate('syncookies_sent')})",
            "Of the network namespace with most: answers in each second that the kernel could keep no state for:"
            " a SYN flood, or an accept queue that is too short for the load.",
            "cps", limit("SocketSYNCookiesSent"), size=(4, 4), decimals=2,
        ),
        stat(
            "Worst ephemeral ports", f"max({PORTS_RATIO})",
            "Ports used from one address to one destination, as a share of all there are. At 100 % connect() fails"
            " with EADDRNOTAVAIL.",
            "percentunit", limit("SocketEphemeralPortsHigh"), decimals=0, size=(4, 4),
        ),
        stat(
            "Listeners summed up", "sum(socket_listeners_folded{@ns}) + sum(socket_listener_ports_folded{@ns})",
            "Listeners and ports past 250 of a network namespace, which are in the series `other`.",
            size=(4, 4),
        ),
        table(
            "Listeners, the twenty fullest", LISTENER,
            [
                Column("Waiting", f"max @by ({WAITING})"),
                Column("Limit", "max @by (socket_listener_accept_queue_limit{@process})"),
                Column("Full", f"max @by ({WAITING} / {ROOM})", "percentunit", limit("SocketAcceptQueueHigh"), 0),
            ],
            "Connections that wait for accept(), the limit (what was given to listen(), net.core.somaxconn at"
            " most), and how full that is: the kernel lets one more in than the limit says. Full means that the"
            " program does not accept: stuck, starved of CPU, or out of descriptors. On the host: `ss -Htlnp`"
            " (Recv-Q of Send-Q).",
            rows=f"topk(20, max @by ({WAITING} / {ROOM}))", sort="Full", size=(12, 9),
            links={"process": [to("processes", "instance", "process"), to("close-wait", "instance", "process")]},
        ),
        graph(
            "How full the accept queues are, the ten fullest",
            [
                (
                    "{{process}} {{address}}:{{port}} " + PLACE,
                    f"{WAITING} / {ROOM} and topk(10,"
                    " max_over_time(socket_listener_accept_queue{@process}[$__range] @ end())"
                    " / (max_over_time(socket_listener_accept_queue_limit{@process}[$__range] @ end()) + 1) > 0)",
                )
            ],
            "Those that had anybody waiting in the time shown. Peaks between two samples are not seen here; the"
            " overflows count each of them. A raised limit (the program's backlog and `sysctl"
            " net.core.somaxconn`) helps against bursts, never against a program that is too slow.",
            "percentunit", limit("SocketAcceptQueueHigh"), top=1, size=(12, 9),
            links=[to("processes", "instance", "process")],
        ),
        graph(
            "Connections refused",
            [
                ("accept queue full " + PLACE, rate("listen_overflows")),
                ("by a listener, for any reason " + PLACE, rate("listen_drops")),
            ],
            "For each second. The second line has the first in it; what it has more is memory, or requests whose"
            " queue was full. Which listener it was, the table above tells while it lasts; on the host:"
            " `nstat -az TcpExtListenOverflows TcpExtListenDrops`.",
            "cps", limit("SocketListenOverflows", least=0.001),
        ),
        graph(
            "SYN dropped, SYN cookies",
            [
                ("dropped " + PLACE, rate("request_queue_full_drops")),
                ("cookies " + PLACE, rate("syncookies_sent")),
            ],
            "For each second. Both mean that more connections are begun than finished: a flood (`ss -Htan state"
            " syn-recv | wc -l`), or accept queues that are full. Cookies let clients in, and cost some of TCP's"
            " options.",
            "cps", limit("SocketSYNDropped"), runbooks=["SocketSYNCookiesSent"],
        ),
        graph(
            "Sockets by listener's port, the ten highest",
            [
                (
                    "{{port}} " + PLACE,
                    "sum by (instance, netns, port) (socket_listener_tcp_sockets{@ns}) and topk(10, sum by"
                    " (instance, netns, port) (max_over_time(socket_listener_tcp_sockets{@ns}[$__range] @ end())))",
                )
            ],
            "Clients of each port, in any state. `ss -Htan 'sport = :<port>' | awk '{print $1}' | sort | uniq -c`.",
        ),
        graph(
            "Connections begun and taken",
            [
                ("begun here " + PLACE, rate("active_opens")),
                ("taken " + PLACE, rate("passive_opens")),
                ("not established " + PLACE, rate("attempt_fails")),
            ],
            "For each second. Many that are begun here are a client without a connection pool, and use up ephemeral"
            " ports; not established: refused, or no answer.",
            "cps",
        ),
    ),
    (
        "Ephemeral ports and TIME_WAIT",
        graph(
            "Ephemeral ports, the worst destination", [(PLACE, PORTS_RATIO)],
            "Ports used from one address to one destination, as a share of all there are. Remedies: reuse"
            " connections, more destinations or source addresses, `sysctl net.ipv4.ip_local_port_range`.",
            "percentunit", limit("SocketEphemeralPortsHigh"), top=1, size=(8, 8),
        ),
        table(
            "Ports by destination, the twenty highest", ("instance", "netns", "source", "destination"),
            [Column("Ports", "topk(20, max @by (socket_ephemeral_ports_used{@ns}))")],
            "From which address to which address and port, sockets in TIME_WAIT included. Who it is:"
            " `ss -Htanp dst <address>:<port>`.",
            size=(8, 8),
        ),
        graph(
            "TIME_WAIT of its limit", [(PLACE, WAITING_RATIO)],
            "No number of TIME_WAIT sockets is bad by itself; beyond the limit (`sysctl"
            " net.ipv4.tcp_max_tw_buckets`) sockets skip the state, and late packets of an old connection may"
            " reach a new one.",
            "percentunit", limit("SocketTimeWaitHigh"), size=(8, 8), decimals=1,
        ),
        graph(
            "TIME_WAIT",
            [("in TIME_WAIT " + PLACE, "socket_sockstat_tcp_time_wait{@ns}")],
            "Sockets that this host closed first, kept for a minute. Many mean many short connections: keep them"
            " open.",
            size=(12, 7),
        ),
        graph(
            "Skipped TIME_WAIT", [("skipped " + PLACE, rate("time_wait_overflows"))],
            "Sockets in each second that skipped TIME_WAIT because there were too many.",
            "cps", runbooks=["SocketTimeWaitHigh"], size=(12, 7),
        ),
    ),
    (
        "Memory, orphans, file handles, connection tracking",
        graph(
            "TCP memory and its limits",
            [
                ("used {{instance}}", MEMORY),
                ("low {{instance}}", memory_limit("low")),
                ("pressure {{instance}}", memory_limit("pressure")),
                ("high {{instance}}", memory_limit("high")),
            ],
            "Memory in the buffers of TCP sockets, whole host. Above `pressure` the kernel saves memory (a"
            " ticket), at `high` it drops data (a page is sent at nine tenths). Who: `ss -tanmp`"
            " (skmem: r is what is received, t what is to be sent); the limits: `sysctl net.ipv4.tcp_mem` (pages).",
            "bytes", runbooks=["SocketTCPMemoryHigh"], size=(8, 8),
        ),
        graph(
            "TCP memory of the limit", [("{{instance}}", MEMORY_RATIO)],
            "As a share of `high`, where the kernel refuses more.",
            "percentunit", limit("SocketTCPMemoryHigh", severity="critical"), size=(8, 8), top=1,
        ),
        graph(
            "Bytes in TCP queues",
            [
                ("{{direction}} " + PLACE, "sum by (instance, netns, direction) (socket_tcp_queue_bytes{@ns})"),
            ],
            "receive: arrived, and no process has read it, so a program here is slow. send: written, and not"
            " acknowledged, so the network or the peer is. Which: `ss -Htan | sort -k2 -n -r | head` (Recv-Q),"
            " `sort -k3` (Send-Q).",
            "bytes", size=(8, 8),
        ),
        graph(
            "Other socket memory",
            [
                ("UDP {{instance}}", 'socket_sockstat_memory_bytes{protocol="udp", @host}'),
                (
                    "fragments " + PLACE,
                    "sum by (instance, netns) (socket_sockstat_fragment_memory_bytes{@ns})",
                ),
            ],
            "Memory in the buffers of UDP sockets (whole host), and of packets whose fragments have not all"
            " arrived.",
            "bytes", size=(8, 8),
        ),
        graph(
            "Memory pressures", [(PLACE, rate("memory_pressures"))],
            "How often in each second TCP began to save memory because of a socket in this namespace. Anything"
            " above 0 is worth a look at the memory above.",
            "cps", runbooks=["SocketTCPMemoryHigh"], size=(8, 8),
        ),
        graph(
            "Orphans of their limit", [("{{instance}}", ORPHANS_RATIO)],
            "TCP sockets that no process holds any more and the kernel is still closing, whole host. Beyond the"
            " limit (`sysctl net.ipv4.tcp_max_orphans`) the kernel resets them: `dmesg | grep orphaned`.",
            "percentunit", limit("SocketTCPOrphansHigh"), size=(8, 8), top=1,
        ),
        graph(
            "Sockets of the host",
            [
                ("orphans {{instance}}", "socket_sockstat_tcp_orphans{@host}"),
                ("allocated TCP {{instance}}", "socket_sockstat_tcp_allocated{@host}"),
            ],
            "TCP sockets of the whole host, whichever network namespace they are in. Allocated ones that no"
            " table shows are closed and still referred to.",
            size=(8, 8),
        ),
        graph(
            "File handles of their limit", [("{{instance}}", HANDLES_RATIO)],
            "Open files of the whole host as a share of fs.file-max; at 100 % every program but root's fails"
            " with ENFILE. Who: the Processes dashboard; `cat /proc/sys/fs/file-nr`.",
            "percentunit", limit("SocketFileHandlesHigh"), size=(8, 8), top=1, links=[to("processes", "instance")],
        ),
        graph(
            "Connection tracking of its limit", [(PLACE, TRACKED_RATIO)],
            "Connections that netfilter tracks. Beyond the limit packets of new connections are dropped: `dmesg"
            " | grep 'table full'`, `sysctl net.netfilter.nf_conntrack_max`. Empty where netfilter tracks nothing.",
            "percentunit", limit("SocketConntrackHigh"), size=(8, 8), top=1,
        ),
    ),
    (
        "What goes wrong on connections",
        graph(
            "Sockets that wait for a timer",
            [("{{timer}} " + PLACE, "socket_tcp_timer_sockets{@ns}")],
            "retransmit: data in flight, not by itself a loss. probe: the peer's buffer is full, it does not read."
            " keepalive: asks whether a quiet peer is there. Which: `ss -Htano | grep 'timer:(persist'`.",
            size=(8, 8),
        ),
        graph(
            "Retransmits and resets",
            [
                ("retransmitted " + PLACE, rate("segments_retransmitted")),
                ("resets sent " + PLACE, rate("resets_sent")),
                ("established reset " + PLACE, rate("established_resets")),
            ],
            "For each second. Retransmits are losses, or a peer that has gone; resets are refused connections or"
            " programs that close with unread data.",
            "cps", size=(8, 8),
        ),
        graph(
            "Connections aborted, by reason",
            [("{{reason}} " + PLACE, rate("aborts") + " > 0")],
            "For each second, connections that the kernel ended with a reset; what is 0 is left out."
            " close: closed before all was read."
            " data: data came after the end, or a linger time of 0. timeout: no answer for too long. memory:"
            " none left, or too many orphans.",
            "cps", size=(8, 8),
        ),
        graph(
            "Sockets in use",
            [
                ("all families " + PLACE, "socket_sockstat_sockets_used{@ns}"),
                ("{{protocol}} " + PLACE, "sum by (instance, netns, protocol) (socket_sockstat_inuse{@ns}) > 0"),
            ],
            "By protocol, IPv4 and IPv6 together; all families has Unix sockets in it. `ss -s`.",
        ),
        bars(
            "Settings of the kernel",
            [
                ("net.core.somaxconn " + PLACE, "socket_listen_backlog_limit{@ns}"),
                ("net.ipv4.tcp_max_syn_backlog " + PLACE, "socket_syn_backlog_limit{@ns}"),
                ("ephemeral ports " + PLACE, "socket_ephemeral_ports{@ns}"),
            ],
            "What bounds every accept queue, the queue of connection requests (where SYN cookies are off), and"
            " how many ports a connection may choose from. A listener takes a new somaxconn over when it calls"
            " listen() again.",
            size=(12, 8),
        ),
    ),
]  # fmt: skip


def dashboard():
    return make(
        "listeners",
        "Servers that do not keep up with their clients, and every limit of the host beside its use.",
        ROWS,
        alerts=["SocketListenOverflows", "SocketAcceptQueueHigh", "SocketEphemeralPortsHigh"],
    )
