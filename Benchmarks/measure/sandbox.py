"""A network, a process table and a /proc of the benchmark's own.

Its sockets and ports are then nobody else's, it counts no process but its own, and all of it ends with
its first process, however that one ends: there is nothing to clean up, and nothing that could be missed.
"""

import ctypes
import os
import signal
import socket
import struct
from fcntl import ioctl
from typing import Callable

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x0002_0000, 0x2000_0000, 0x4000_0000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 0x4_0000
PR_SET_PDEATHSIG = 1
SIOCSIFFLAGS, IFF_UP = 0x8914, 1

libc = ctypes.CDLL(None, use_errno=True)


class SandboxError(Exception):
    pass


def run(main: Callable[[], int]) -> int:
    """Runs `main` as the first process of the sandbox and returns its exit code."""
    _check("unshare", libc.unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET))
    child = os.fork()
    if child == 0:
        _first_process(main)

    # The child is in a session of its own, so a Ctrl-C reaches it once, from here.
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda *_: os.kill(child, signal.SIGTERM))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _first_process(main: Callable[[], int]) -> None:
    code = 1
    try:
        os.setsid()
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        _mount_proc()
        _raise_loopback()
        code = main()
    except Stopped:
        code = 130
    except SandboxError as error:
        print(f"benchmark: {error}", flush=True)
    finally:
        os._exit(code)


class Stopped(BaseException):
    """The user or the system asked the benchmark to stop."""


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def _mount_proc() -> None:
    _check("make mounts private", libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    _check("mount /proc", libc.mount(b"proc", b"/proc", b"proc", flags, None))


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def _check(what: str, result: int) -> None:
    if result != 0:
        raise SandboxError(f"{what}: {os.strerror(ctypes.get_errno())} (the benchmark needs root)")
