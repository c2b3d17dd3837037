#!/usr/bin/python3
"""Runs a command as systemd would with these settings of a unit, as far as they are filters of system calls or limits.

    confine.py SETTING=VALUE... -- COMMAND...

What systemd does with a setting is told by systemd.exec(5); the groups of system calls are those of the systemd that is
installed. User and capabilities are the caller's matter (setpriv). A setting that is not known here is an error, so that
none is left out by accident.
"""

import errno
import os
import resource
import subprocess
import sys

from seccomp import ALLOW, ERRNO, EQ, GT, MASKED_EQ, NE, Arch, Arg, SyscallFilter, resolve_syscall

SET_ID_BITS = (0o4000, 0o2000)
PROT_WRITE_EXEC, PROT_EXEC, SHM_EXEC = 0x2 | 0x4, 0x4, 0o100000
NAMESPACES = {
    "cgroup": 0x02000000, "ipc": 0x08000000, "mnt": 0x00020000, "net": 0x40000000,
    "pid": 0x20000000, "user": 0x10000000, "uts": 0x04000000,
}
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}
LAST_FAMILY = 64


def calls_in(name):
    """The system calls of a group, or the one."""
    if not name.startswith("@"):
        return {name}
    listing = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True).stdout
    words = [line.split()[0] for line in listing.splitlines()[1:] if line.strip() and "#" not in line]
    return set().union(*(calls_in(word) for word in words))


def allowed_calls(lines):
    """Lines of SystemCallFilter= in their order; the first one decides that it is a list of what is allowed."""
    if not lines or lines[0].startswith("~"):
        sys.exit("confine.py: the first SystemCallFilter= must say what is allowed")
    allowed = calls_in("@default")
    for line in lines:
        names = set().union(*(calls_in(word) for word in line.removeprefix("~").split()))
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def rules(default, action, *rows):
    """A filter of its own, as systemd makes one for each setting: the strictest of them decides."""
    made = SyscallFilter(default)
    for call, *arguments in rows:
        # The groups name calls of all processors; those that this one does not have are negative.
        if resolve_syscall(Arch(), call) >= 0:
            made.add_rule(action, call, *arguments)
    return made


def namespace_rules(value):
    kept = set() if value == "yes" else set(value.split())
    denied = [flag for name, flag in NAMESPACES.items() if name not in kept]
    rows = [("setns", Arg(1, EQ, 0))]
    for flag in denied:
        rows += [(call, Arg(position, MASKED_EQ, flag, flag))
                 for call, position in (("clone", 0), ("unshare", 0), ("setns", 1))]
    return [rules(ALLOW, ERRNO(errno.EPERM), *rows),
            # Its flags are behind a pointer, so it is not there, and libc calls clone(2) instead.
            rules(ALLOW, ERRNO(errno.ENOSYS), ("clone3",))]


def family_rules(lines):
    kept = {FAMILIES[word] for line in lines for word in line.split()}
    rows = [("socket", Arg(0, EQ, family)) for family in range(LAST_FAMILY) if family not in kept]
    return rules(ALLOW, ERRNO(errno.EAFNOSUPPORT), *rows, ("socket", Arg(0, GT, LAST_FAMILY - 1)))


def set_id_rules():
    modes = [("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2), ("mknod", 1),
             ("mknodat", 2), ("creat", 1)]
    rows = [(call, Arg(position, MASKED_EQ, bit, bit)) for call, position in modes
            for bit in SET_ID_BITS]
    return [rules(ALLOW, ERRNO(errno.EPERM), *rows), rules(ALLOW, ERRNO(errno.ENOSYS), ("openat2",))]


def filters(settings):
    """All filters, the list of what is allowed last: loading another one is not on it."""
    made = []
    for key, lines in settings.items():
        value = lines[-1]
        match key:
            case "SystemCallFilter" | "SystemCallErrorNumber" | "LimitNOFILE" | "UMask":
                pass
            case "SystemCallArchitectures":
                assert value == "native", "a filter here knows the native calls only, and kills others"
            case "NoNewPrivileges":
                assert value == "yes", "a filter takes it"
            case "RestrictAddressFamilies":
                made.append(family_rules(lines))
            case "RestrictNamespaces":
                made += namespace_rules(value)
            case "RestrictRealtime":
                made.append(rules(ALLOW, ERRNO(errno.EPERM), ("sched_setscheduler", Arg(1, NE, 0))))
            case "RestrictSUIDSGID":
                made += set_id_rules()
            case "LockPersonality":
                made.append(rules(ALLOW, ERRNO(errno.EPERM), ("personality", Arg(0, NE, 0))))
            case "MemoryDenyWriteExecute":
                made.append(rules(
                    ALLOW, ERRNO(errno.EPERM),
                    ("mmap", Arg(2, MASKED_EQ, PROT_WRITE_EXEC, PROT_WRITE_EXEC)),
                    ("mprotect", Arg(2, MASKED_EQ, PROT_EXEC, PROT_EXEC)),
                    ("pkey_mprotect", Arg(2, MASKED_EQ, PROT_EXEC, PROT_EXEC)),
                    ("shmat", Arg(2, MASKED_EQ, SHM_EXEC, SHM_EXEC))))
            case _:
                sys.exit(f"confine.py: does not know {key}=")
    refusal = getattr(errno, settings["SystemCallErrorNumber"][-1])
    allowed = allowed_calls(settings["SystemCallFilter"])
    return made + [rules(ERRNO(refusal), ALLOW, *((call,) for call in sorted(allowed)))]


def main():
    end = sys.argv.index("--")
    settings = {}
    for word in sys.argv[1:end]:
        key, value = word.split("=", 1)
        settings.setdefault(key, []).append(value)
    # The filters are made before any is in force: making them runs systemd-analyze.
    made = filters(settings)
    if "LimitNOFILE" in settings:
        limit = int(settings["LimitNOFILE"][-1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.umask(int(settings.get("UMask", ["022"])[-1], 8))
    for each in made:
        each.load()
    os.execvp(sys.argv[end + 1], sys.argv[end + 1:])


main()
