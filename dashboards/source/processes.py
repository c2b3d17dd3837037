"""Who holds sockets and descriptors, who runs out of them, and who leaves zombies."""

from .alerts import limit
from .frame import make
from .links import to
from .panels import Column, graph, stat, table, top

GROUP = ("instance", "netns", "process")
LEGEND = "{{process}} {{netns}} {{instance}}"
RATIO = "socket_process_fd_limit_ratio{@process}"
FULL_IN = f"(1 - {RATIO}) / (deriv({RATIO}[15m]) > 0)"
WEEK = 7 * 24 * 3600
STATES = ["established", "close_wait", "listen", "syn_sent", "fin_wait2"]
HOST_LINK = {"instance": [to("overview", "instance", title="This host")]}


def in_state(state):
    return Column(state, f'sum @by (socket_process_tcp_sockets{{state="{state}", @process}})')


ROWS = [
    (
        "Descriptors and their limit",
        stat(
            "Worst descriptor use", f"max({RATIO})",
            "Open descriptors of the process that is nearest to its limit (RLIMIT_NOFILE). At 100 % accept(),"
            " socket() and open() fail with EMFILE. To raise it: `prlimit --pid <pid> --nofile=65536`.",
            "percentunit", limit("SocketProcessFileDescriptorsHigh"), decimals=0,
        ),
        stat(
            "First one full in", f"min({FULL_IN} < {WEEK})",
            "When the first process reaches its limit if it goes on as in the last quarter of an hour; `none` where"
            " nothing grows, or where it takes more than a week.",
            "dtdurations", decimals=0,
        ),
        stat(
            "Socket descriptors", "sum(socket_process_socket_fds{@process})",
            "Descriptors that are sockets, of all chosen processes. A socket that two processes share is two"
            " descriptors.",
        ),
        stat(
            "Unbound", 'sum(socket_process_socket_fds{kind="unbound", @process})',
            "Descriptors of sockets that are in no table of the kernel: never bound or connected, or reset and not"
            " closed by the program (lsof: \"can't identify protocol\"). Many of them are a leak that CLOSE_WAIT"
            " does not show: `lsof -nP | grep \"identify protocol\"`.",
        ),
        stat(
            "Zombies", "sum(socket_zombie_processes{@host})",
            "Processes that have ended and that their parents have not waited for. Each keeps a process id:"
            " `ps -eo ppid,pid,stat,comm | awk '$3 ~ /^Z/'`.",
        ),
        stat(
            "Process ids taken", "max(socket_processes{@host} / socket_processes_limit{@host})",
            "Processes as a share of kernel.pid_max. At 100 % fork() fails with EAGAIN; threads take ids, too,"
            " and are not counted here. `sysctl kernel.pid_max`.",
            "percentunit", limit("SocketProcessesNearLimit"), decimals=1,
        ),
        stat(
            "Unreadable", "sum(socket_processes_unreadable{@host})",
            "Processes whose descriptors the exporter may not read. Whatever they hold is missing on this"
            " dashboard. It takes CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.",
            limit=limit("SocketExporterProcessesUnreadable"), links=[to("exporter")],
        ),
        stat(
            "Groups summed up", "sum(socket_process_groups_folded{@host})",
            "Groups that are past --process.max-groups and are in the series `other`. Raise the flag, or group by"
            " something coarser.",
        ),
        graph(
            "Descriptors used of the limit, the ten highest", [(LEGEND, top(10, RATIO))],
            "Of the member of each group that is nearest to its limit. A straight rise is a leak; find out of"
            " what in the kinds below, and with `ls -l /proc/<pid>/fd | awk '{print $NF}' | sed 's/:.*//' | sort"
            " | uniq -c`.",
            "percentunit", limit("SocketProcessFileDescriptorsHigh"), top=1,
            links=[to("processes", "instance", "process", title="Only this one")],
        ),
        table(
            "Nearest to their limit", GROUP,
            [
                Column("Of the limit", f"max @by ({RATIO})", "percentunit", limit("SocketProcessFileDescriptorsHigh"), 0),
                Column("Full in", f"min @by ({FULL_IN} < {WEEK})", "dtdurations", decimals=0),
                Column("Open", "sum @by (socket_process_open_fds{@process})"),
                Column("Sockets", "sum @by (socket_process_socket_fds{@process})"),
                Column("CLOSE_WAIT", 'sum @by (socket_process_tcp_sockets{state="close_wait", @process})',
                       links=[to("close-wait", "instance", "process")]),
                Column("Processes", "sum @by (socket_process_instances{@process})"),
            ],
            "Full in: if it goes on as in the last quarter of an hour; empty where it does not grow. Where most"
            " descriptors are sockets, go on to CLOSE_WAIT; where they are not, it is files or pipes. The limit"
            " of a process: `grep files /proc/<pid>/limits`.",
            rows=f"topk(20, max @by ({RATIO}))", size=(12, 8),
            links={"process": [to("processes", "instance", "process", title="Only this one")], **HOST_LINK},
        ),
    ),
    (
        "Sockets",
        graph(
            "Socket descriptors by group, the ten highest",
            [
                (
                    LEGEND,
                    "sum by (instance, netns, process) (socket_process_socket_fds{@process}) and topk(10, sum by"
                    " (instance, netns, process) (max_over_time(socket_process_socket_fds{@process}[$__range] @"
                    " end())))",
                )
            ],
            "Descriptors that are sockets, of any kind. Click on a line to see only this group.",
            links=[to("processes", "instance", "process", title="Only this one")],
        ),
        graph(
            "Socket descriptors by kind",
            [("{{kind}}", "sum by (kind) (socket_process_socket_fds{@process})")],
            "Of all chosen processes together. `unbound` that rises is a leak of sockets that were never"
            " connected or were reset; `other` is another protocol family, or a network namespace that is not read"
            " (--netns=all).",
            stack=True,
        ),
        table(
            "TCP sockets by state", GROUP, [in_state(state) for state in STATES],
            "The twenty groups with most TCP sockets. close_wait: the program does not close. fin_wait2: the"
            " peer does not. syn_sent: a destination that does not answer. One by one: `ss -Htanp`.",
            rows="topk(20, sum @by (socket_process_tcp_sockets{@process}) > 0)", sort="established", size=(14, 9),
            links={"process": [to("processes", "instance", "process", title="Only this one")], **HOST_LINK},
        ),
        table(
            "Pids with most sockets", ("instance", "netns", "process", "pid"),
            [
                Column("Sockets", "max @by (socket_pid_socket_fds{@process})"),
                Column("CLOSE_WAIT", "max @by (socket_pid_tcp_close_wait{@process})"),
            ],
            "The members of groups that hold most, as many as --process.top says. What it is:"
            " `ps -o pid,ppid,user,lstart,args -p <pid>`. The pid is that of the exporter's process namespace.",
            rows="topk(20, max @by (socket_pid_socket_fds{@process}))", size=(10, 9),
            links={"process": [to("close-wait", "instance", "process")]},
        ),
        graph(
            "Live processes by group, the ten largest",
            [(LEGEND, top(10, "socket_process_instances{@process}"))],
            "A group that grows without end forks too much, or its workers do not end. `pgrep -c <name>`.",
            size=(8, 8),
        ),
        graph(
            "Open descriptors by group, the ten highest",
            [(LEGEND, top(10, "socket_process_open_fds{@process}"))],
            "Sockets and everything else. What rises here and not among the sockets is files, pipes or epoll:"
            " `lsof -p <pid> | awk '{print $5}' | sort | uniq -c`.",
            size=(8, 8),
        ),
        graph(
            "Shared socket descriptors, the ten highest",
            [(LEGEND, top(10, "socket_process_shared_socket_fds{@process}"))],
            "Descriptors of sockets that another process has open, too. Ordinary for servers that fork; for"
            " others it means children that inherit sockets, which keeps connections open that the parent has"
            " closed.",
            size=(8, 8),
        ),
    ),
    (
        "Zombies and process ids",
        graph(
            "Zombies by parent",
            [("{{parent}} {{instance}}", "sum without (sigchld) (socket_zombie_children{@host})")],
            "A line that only rises is a parent that does not wait for its children. It ends when the parent"
            " waits or ends; to kill a zombie is of no use.",
            limit=limit("SocketZombieProcesses"),
        ),
        table(
            "Parents of zombies", ("instance", "parent", "sigchld"),
            [
                Column("Zombies", "sum @by (socket_zombie_children{@host})", limit=limit("SocketZombieProcesses")),
                Column(
                    "Oldest",
                    "max @by (socket_zombie_children{@host} * 0 + on (job, instance, parent) group_left ()"
                    " socket_zombie_oldest_seconds{@host})",
                    "dtdurations", decimals=0,
                ),
            ],
            "sigchld is what the parent does with the signal: `default`, nobody asks for the children; `caught`,"
            " a handler is there and has not waited for all of them (one signal may stand for several children);"
            " `ignored`, the kernel reaps, so they are about to go.",
            size=(6, 8), links=HOST_LINK,
        ),
        graph(
            "Process ids taken", [("{{instance}}", "socket_processes{@host} / socket_processes_limit{@host}")],
            "Processes as a share of kernel.pid_max, zombies and kernel threads included, threads not.",
            "percentunit", limit("SocketProcessesNearLimit"), size=(6, 8),
        ),
    ),
]  # fmt: skip


def dashboard():
    return make(
        "processes",
        "Descriptors, sockets and zombies by group of processes (by name, program, unit or container, as"
        " --process.group-by says).",
        ROWS,
        alerts=["SocketProcessFileDescriptorsHigh", "SocketZombieProcesses", "SocketProcessesNearLimit"],
    )
