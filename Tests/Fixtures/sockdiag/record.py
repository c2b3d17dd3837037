#!/usr/bin/env python3
"""Records sock_diag dumps of TCP sockets beside what `ss` prints at the same moment.

Needs root, iproute2 and nftables. Runs in a network namespace that ends with it and writes the files
described in README.md into its own directory.
"""

import os
import socket
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.dont_write_bytecode = True

import tcp_states  # noqa: E402

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
TCP = 6
CONNECTION_STATES = 0x1FFE  # bits 1 (ESTABLISHED) to 12 (NEW_SYN_RECV)
EVERY_STATE = 0xFFFFFFFF


def dump(family, states, protocol=TCP, sequence=1):
    """The datagrams that answer a dump request."""
    body = struct.pack("=BBBBI48x", family, protocol, 0, 0, states)
    header = struct.pack(
        "=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, sequence, 0)
    datagrams = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.send(header + body)
        while True:
            datagram = netlink.recv(32 << 10)
            datagrams.append(datagram)
            position = 0
            while position + 16 <= len(datagram):
                length, kind = struct.unpack_from("=IH", datagram, position)
                if kind in (NLMSG_DONE, NLMSG_ERROR):
                    return datagrams
                position += (length + 3) & ~3


def ss(family):
    option = "-4" if family == socket.AF_INET else "-6"
    return subprocess.run(["ss", "-Htan", option], check=True, capture_output=True).stdout


def write(name, datagrams, text=None):
    with open(os.path.join(HERE, name + ".bin"), "wb") as file:
        for datagram in datagrams:
            file.write(struct.pack("<I", len(datagram)) + datagram)
    if text is not None:
        with open(os.path.join(HERE, name + ".txt"), "wb") as file:
            file.write(text)


def record(name, family, states=CONNECTION_STATES):
    """A dump during which nothing changed: `ss` says the same before and after."""
    for _ in range(50):
        before = ss(family)
        datagrams = dump(family, states)
        after = ss(family)
        if [line.split()[:5] for line in before.splitlines()] == [
                line.split()[:5] for line in after.splitlines()]:
            write(name, datagrams, after)
            return
    raise SystemExit(f"{name}: the sockets do not hold still")


def inside():
    tcp_states.prepare()
    record("empty-ipv4", socket.AF_INET)

    ipv4 = tcp_states.Sockets("127.0.0.1", "127.0.0.1")
    ipv6 = tcp_states.Sockets("::1", "::1")
    for factor, sockets in ((1, ipv4), (2, ipv6)):
        sockets.established(3 * factor)
        sockets.close_wait(2 * factor)
        sockets.close_wait_orphan(factor)
        sockets.time_wait(4 * factor)
        sockets.syn_sent(2 * factor)
        sockets.syn_received(factor)
        sockets.fin_wait1(3 * factor)
        sockets.closing(2 * factor)
        sockets.last_ack(factor)
    record("states-ipv4", socket.AF_INET)
    record("states-ipv6", socket.AF_INET6)

    # Bound, neither connected nor listening: since Linux 6.8 a dump that asks for every state has it.
    bound = socket.socket()
    bound.bind(("127.0.0.1", 9000))
    record("every-state-ipv4", socket.AF_INET, EVERY_STATE)
    bound.close()

    # More than one datagram can hold.
    ipv4.established(250)
    record("many-ipv4", socket.AF_INET)

    # IPv4 peers of a listener that takes both.
    both = tcp_states.Sockets("::ffff:127.0.0.2", "127.0.0.2")
    both.established(2)
    both.close_wait(1)
    both.time_wait(1, of_server=True)
    both.syn_received(1)
    record("mapped-ipv6", socket.AF_INET6)

    # A protocol that has no handler.
    write("no-handler", dump(socket.AF_INET, CONNECTION_STATES, protocol=200))


if __name__ == "__main__":
    if "--inside" in sys.argv:
        inside()
    else:
        os.execvp("unshare", ["unshare", "--net", sys.executable, os.path.abspath(__file__), "--inside"])
