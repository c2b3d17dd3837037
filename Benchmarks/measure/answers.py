"""What each program tells about sockets. A cost says little without it."""

QUESTIONS = (
    "sockets by state",
    "owner",
    "states by process",
    "age of CLOSE_WAIT",
    "accept queue, with owner",
    "ephemeral ports by destination",
    "other namespaces",
)

# "rows": it prints a row for each socket, and who reads them can count.
ANSWERS = {
    "C floor: walk": ("", "", "", "", "", "", ""),
    "C floor: dump": ("yes", "", "", "", "", "", ""),
    "C floor: task_file": ("of those held", "yes", "yes", "", "", "", ""),
    "C floor: task, no references": ("of those held", "yes", "yes", "", "", "", ""),
    "socket-exporter": ("yes", "yes", "yes", "yes", "yes", "yes", "yes"),
    "node_exporter, tcpstat only": ("yes", "", "", "", "", "", ""),
    "process-exporter": ("", "descriptors of all kinds", "", "", "", "", ""),
    "ss -tan": ("rows", "", "", "", "no owner", "rows", "one at a time"),
    "ss -tanp": ("rows", "rows", "rows", "", "rows", "rows", "one at a time"),
    "netstat -tan": ("rows", "", "", "", "no owner, no limit", "rows", ""),
    "netstat -tanp": ("rows", "rows", "rows", "", "no limit", "rows", ""),
    "lsof -nPi": ("rows", "rows", "rows", "", "", "rows", ""),
}
