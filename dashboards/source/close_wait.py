"""CLOSE_WAIT, from the symptom to the process and the reason, in the order in which one asks."""

from .alerts import limit
from .frame import make
from .links import to
from .panels import Column, graph, stat, table, top

HELD = 'socket_process_tcp_sockets{state="close_wait", @process}'
MANY = int(limit("SocketCloseWaitGrowing", after="min_over_time").steps[0][0])
GROUP = ("instance", "netns", "process")
LEGEND = "{{process}} {{netns}} {{instance}}"
SEEN = 'sum by (instance, netns) (socket_tcp_sockets{state="close_wait", @ns})'
ON_PORTS = 'sum by (instance, netns) (socket_listener_tcp_sockets{state="close_wait", @ns})'
UNATTRIBUTED = f"""({SEEN}
    - sum by (instance, netns) (socket_process_tcp_sockets{{state="close_wait", @ns}}) or {SEEN})"""

ROWS = [
    (
        "1. Is there a leak?",
        stat(
            "In CLOSE_WAIT", 'sum(socket_tcp_sockets{state="close_wait", @ns})',
            "All TCP sockets in CLOSE_WAIT, of all chosen hosts and network namespaces, whoever holds them. A few"
            " that come and go are ordinary. On a host: `ss -Htan state close-wait | wc -l`.",
        ),
        stat(
            "Most in one group", 'max(socket_process_close_wait_aged{older_than="60", @process})',
            "Sockets that one group of processes has held in CLOSE_WAIT for more than a minute. An ordinary program"
            " closes within milliseconds.",
            limit=limit("SocketCloseWaitHigh"),
        ),
        stat(
            "Oldest", "max(socket_process_close_wait_oldest_seconds{@process})",
            "Age of the oldest socket in CLOSE_WAIT. From an hour on it is forgotten, not slow: no program comes"
            " back to it.",
            "dtdurations", limit("SocketCloseWaitStuck", after="socket_process_close_wait_oldest_seconds"),
            decimals=0,
        ),
        stat(
            "Growing groups",
            f"count((deriv(socket_process_tcp_sockets{{state=\"close_wait\", @process}}[15m]) > 0) and {HELD} > {MANY})"
            " or vector(0)",
            f"Groups with more than {MANY} sockets in CLOSE_WAIT whose number has grown over the last quarter of an"
            " hour. What only grows ends at the descriptor limit.",
            runbooks=["SocketCloseWaitGrowing"],
        ),
        stat(
            "Unattributed", f"max({UNATTRIBUTED})",
            "Sockets in CLOSE_WAIT that no process is seen to hold, in the network namespace with most: they"
            " wait in an accept queue, or their process may not be read or is in another container's process"
            " namespace. On the host, as root: `ss -Htanp state close-wait | grep -v users:`.",
            limit=limit("SocketCloseWaitUnattributed"),
        ),
        stat(
            "Worst descriptor use", f"max(socket_process_fd_limit_ratio{{@process}} and ignoring (state) {HELD} > 0)",
            "Of the groups that hold sockets in CLOSE_WAIT, the one nearest to its descriptor limit: how much time"
            " there is. To win some: `prlimit --pid <pid> --nofile=65536`.",
            "percentunit", limit("SocketProcessFileDescriptorsHigh"), decimals=0,
        ),
        stat(
            "On a listener's port", 'sum(socket_listener_tcp_sockets{state="close_wait", @ns})',
            "Those whose local port somebody listens on: connections that clients made to a server here. The server"
            " does not close after its client has.",
        ),
        stat(
            "On no listener's port", f"sum(({SEEN} - {ON_PORTS}) or {SEEN})",
            "Connections that a program here made: a client, often a connection pool that does not notice that the"
            " server has closed idle connections. To whom: `ss -Htan state close-wait | awk '{print $4}' | sort"
            " | uniq -c | sort -n`.",
        ),
        graph(
            "CLOSE_WAIT by host and network namespace",
            [("{{instance}} {{netns}}", SEEN)],
            "A line that goes up and down is a program that closes late; one that only rises is one that never"
            " does; one that falls to 0 at once, a restart.",
        ),
        graph(
            "Clients of servers here, or servers elsewhere",
            [
                ("on a listener's port {{netns}} {{instance}}", ON_PORTS),
                ("on no listener's port {{netns}} {{instance}}", f"({SEEN} - {ON_PORTS}) or {SEEN}"),
            ],
            "On a listener's port: a server here has not closed after its client has. On none: a client here, as a"
            " connection pool, has not closed after the server elsewhere has. The two are different defects in"
            " different places of the program.",
        ),
    ),
    (
        "2. Which process?",
        graph(
            "CLOSE_WAIT by group, the ten highest", [(LEGEND, top(10, HELD))],
            "Each socket once in a group, and once in each group that shares it. The lines are where the alert"
            " begins, for sockets older than a minute.",
            limit=limit("SocketCloseWaitHigh"), links=[to("close-wait", "instance", "process")],
        ),
        table(
            "Groups with sockets in CLOSE_WAIT", GROUP,
            [
                Column("Now", f"sum @by ({HELD})"),
                Column(
                    "> 1 min", 'sum @by (socket_process_close_wait_aged{older_than="60", @process})',
                    limit=limit("SocketCloseWaitHigh"),
                ),
                Column(
                    "Oldest", "max @by (socket_process_close_wait_oldest_seconds{@process})", "dtdurations",
                    limit("SocketCloseWaitStuck", after="socket_process_close_wait_oldest_seconds"), 0,
                ),
                Column("More each minute", f"60 * sum @by (deriv({HELD}[15m]))", decimals=1),
                Column(
                    "Of its descriptors", f"sum @by ({HELD}) / sum @by (socket_process_open_fds{{@process}})",
                    "percentunit", decimals=0,
                ),
                Column(
                    "Of the limit", "max @by (socket_process_fd_limit_ratio{@process})", "percentunit",
                    limit("SocketProcessFileDescriptorsHigh"), 0,
                ),
            ],
            "Of its descriptors: how many of the open ones are in CLOSE_WAIT. Of the limit: all open descriptors"
            " of the member that is nearest to its limit, where accept() begins to fail. Click on a process to"
            " see only this one.",
            rows=f"topk(20, sum @by ({HELD}) > 0)", size=(12, 8),
            links={
                "process": [
                    to("close-wait", "instance", "process", title="Only this one"),
                    to("processes", "instance", "process"),
                ],
                "instance": [to("overview", "instance", title="This host")],
            },
        ),
    ),
    (
        "3. For how long, and is it growing?",
        graph(
            "By age",
            [
                ("all", f"sum({HELD})"),
                (
                    "older than {{older_than}} s",
                    "sum by (older_than) (socket_process_close_wait_aged{@process})",
                ),
            ],
            "Of the chosen processes. Each area is part of the one above it: what is older than an hour is older"
            " than a minute, too. Areas that follow each other at a distance are a steady leak; only a young one"
            " is a program that is slow now.",
            fill=25,
        ),
        graph(
            "Oldest, by group",
            [(LEGEND, top(10, "socket_process_close_wait_oldest_seconds{@process}"))],
            "A line that rises like the clock is a socket that nobody will close. One that falls back is a"
            " program that closes in the end: look at what it waits for (a lock, a slow backend).",
            "s",
            limit("SocketCloseWaitStuck", after="socket_process_close_wait_oldest_seconds"),
            links=[to("close-wait", "instance", "process")],
        ),
        graph(
            "More each minute, by group",
            [
                (
                    LEGEND,
                    f"60 * deriv({HELD}[15m]) and ignoring (state) topk(10, max_over_time("
                    'socket_process_tcp_sockets{state="close_wait", @process}[$__range] @ end()) > 0)',
                )
            ],
            "The slope over a quarter of an hour. Compare it with the rate of requests: one socket for each"
            " request of some kind names the code path. Below 0 is recovery.",
            runbooks=["SocketCloseWaitGrowing"], decimals=1,
        ),
        graph(
            "Descriptor limit used by groups in CLOSE_WAIT",
            [
                (
                    LEGEND,
                    "socket_process_fd_limit_ratio{@process} and ignoring (state) topk(10, max_over_time("
                    'socket_process_tcp_sockets{state="close_wait", @process}[$__range] @ end()) > 0)',
                )
            ],
            "How much time there is: at 100 % the process can accept nothing more, and then its accept queue"
            " fills.",
            "percentunit", limit("SocketProcessFileDescriptorsHigh"), top=1,
            links=[to("processes", "instance", "process")],
        ),
    ),
    (
        "4. Which pid, on which port, shared with whom?",
        table(
            "Pids, the twenty highest", ("instance", "netns", "process", "pid"),
            [
                Column("CLOSE_WAIT", "max @by (socket_pid_tcp_close_wait{@process})"),
                Column("Sockets", "max @by (socket_pid_socket_fds{@process})"),
            ],
            "Which member of the group. Then, on the host: `ss -Htanp state close-wait | grep pid=<pid>,` for"
            " its peers, `lsof -nPp <pid> | grep CLOSE_WAIT` for the descriptors, and a stack of its threads"
            " (`gdb -p <pid>`, `jstack <pid>`, `py-spy dump --pid <pid>`). The pid is that of the exporter's"
            " process namespace.",
            rows="topk(20, max @by (socket_pid_tcp_close_wait{@process}))", size=(8, 9),
            links={"process": [to("close-wait", "instance", "process", title="Only this one")]},
        ),
        table(
            "Ports that are listened on", ("instance", "netns", "process", "port"),
            [
                Column(
                    "CLOSE_WAIT",
                    """max @by (0 * socket_listener_accept_queue{@process}) + on (instance, netns, port) group_left ()
                        (sum by (instance, netns, port) (socket_listener_tcp_sockets{state="close_wait", @ns}) > 0)""",
                )
            ],
            "Sockets in CLOSE_WAIT by the listener's port that they came in on, and who listens there. What is"
            " missing here compared with the process is connections that the process made itself. On the host:"
            " `ss -Htanp state close-wait 'sport = :<port>'`.",
            size=(8, 9), links={"process": [to("listeners", "instance")]},
        ),
        table(
            "Shared with other processes", GROUP,
            [
                Column("Shared", "sum @by (socket_process_shared_socket_fds{@process})"),
                Column("CLOSE_WAIT", f"sum @by ({HELD})"),
            ],
            "Descriptors of sockets that another process has open, too, after a fork or sent over a Unix socket."
            " Such a connection ends only when all have closed it: the one that forgot may be a child that needs"
            " it not. Who: `ss -Htanp state close-wait` names every holder; FD_CLOEXEC keeps children out.",
            rows=f"topk(20, sum @by ({HELD}) > 0)", sort="CLOSE_WAIT", size=(8, 9),
        ),
        graph(
            "Held by no process that is seen", [("{{instance}} {{netns}}", UNATTRIBUTED)],
            "In CLOSE_WAIT, and no process is seen to hold it. Connections that wait in an accept queue are the"
            " usual reason: the client gave up before accept(). Else the exporter may not read the process (see The"
            " exporter) or it is another process namespace's. Below 0 where groups share sockets.",
            limit=limit("SocketCloseWaitUnattributed"),
        ),
        graph(
            "CLOSE_WAIT by port",
            [
                (
                    "{{port}} {{netns}} {{instance}}",
                    top(10, 'socket_listener_tcp_sockets{state="close_wait", @ns}'),
                )
            ],
            "Sockets by the listener's port they came in on. One port of many that a process listens on names"
            " the part of the program that leaks.",
        ),
    ),
]  # fmt: skip


def dashboard():
    return make(
        "close-wait",
        "A socket in CLOSE_WAIT was closed by the peer and waits for the program on this host to call close(). No"
        " timer ends it. From the count of the host to the process, the pid and the reason.",
        ROWS,
        since="now-3h",
        alerts=[
            "SocketCloseWaitHigh",
            "SocketCloseWaitGrowing",
            "SocketCloseWaitStuck",
            "SocketCloseWaitUnattributed",
        ],
    )
