#!/usr/bin/env python3
"""Records sock_diag dumps beside what `ss` (or /proc/net) prints at the same moment.

Needs root, iproute2 and nftables. Runs in a network namespace that ends with it and writes the files
described in README.md into its own directory.
"""

import os
import re
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.dont_write_bytecode = True

import tcp_states  # noqa: E402

NETLINK_SOCK_DIAG = 4
TCPDIAG_GETSOCK, SOCK_DIAG_BY_FAMILY = 18, 20
NO_REQUEST = 99
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
TCP, UDP, RAW = 6, 17, 255
ETH_P_ALL = 3
CONNECTION_STATES = 0x1FFE  # bits 1 (ESTABLISHED) to 12 (NEW_SYN_RECV)
EVERY_STATE = 0xFFFFFFFF
CLOSE_WAIT = 1 << 8
WITH_TCP_INFO = 1 << (2 - 1)  # INET_DIAG_INFO


def inet(family, states, protocol=TCP, extensions=0):
    return struct.pack("=BBBBI48x", family, protocol, extensions, 0, states)


def both_families(states):
    """For TCPDIAG_GETSOCK."""
    return struct.pack("=BBBB48xII", socket.AF_UNSPEC, 0, 0, 0, states, 0)


UNIX = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, EVERY_STATE, 0, 0, 0, 0)
NETLINK = struct.pack("=BBHIIII", socket.AF_NETLINK, 255, 0, 0, 0, 0, 0)
PACKET = struct.pack("=BBHIIII", socket.AF_PACKET, 0, 0, 0, 0, 0, 0)


def open_dump():
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
    netlink.bind((0, 0))  # now rather than by the request: the kernel lists it from here on
    return netlink


def dump(netlink, body, request=SOCK_DIAG_BY_FAMILY, sequence=1):
    """The datagrams that answer a dump request."""
    header = struct.pack(
        "=IHHII", 16 + len(body), request, NLM_F_REQUEST | NLM_F_DUMP, sequence, 0)
    datagrams = []
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


def ss(*options):
    return subprocess.run(["ss", "-Han", *options], check=True, capture_output=True).stdout


def option(family):
    return "-4" if family == socket.AF_INET else "-6"


def proc_net_netlink():
    """Without what is nobody's business: where the kernel keeps the socket, and counters."""
    with open("/proc/net/netlink", "rb") as file:
        return b"".join(b" ".join(line.split()[i] for i in (1, 2, 9)) + b"\n" for line in file)


def write(name, datagrams, **texts):
    with open(os.path.join(HERE, name + ".bin"), "wb") as file:
        for datagram in datagrams:
            file.write(struct.pack("<I", len(datagram)) + datagram)
    for extension, text in texts.items():
        with open(os.path.join(HERE, f"{name}.{extension}"), "wb") as file:
            file.write(text)


def record(name, body, text, key=lambda text: text, request=SOCK_DIAG_BY_FAMILY):
    """A dump during which nothing changed: `text` tells the same before and after, by `key`."""
    for _ in range(50):
        with open_dump() as netlink:
            before = text()
            datagrams = dump(netlink, body, request)
            after = text()
        if key(before) == key(after):
            write(name, datagrams, txt=after)
            return
    raise SystemExit(f"{name}: the sockets do not hold still")


def record_tcp(name, family, states=CONNECTION_STATES):
    """By state, queues and addresses."""
    record(name, inet(family, states), lambda: ss("-t", option(family)),
           key=lambda text: [line.split()[:5] for line in text.splitlines()])


def of_a_timer_its_kind(text):
    return re.sub(rb"timer:\((\w+),[^)]*\)", rb"\1", text)


def record_rows(name, family):
    """By everything that a row says, of a timer its kind."""
    record(name, inet(family, CONNECTION_STATES), lambda: ss("-toe", option(family)),
           key=of_a_timer_its_kind)


def record_ages(name, family):
    """CLOSE_WAIT with tcp_info, between what `ss` says before and after."""
    def text():
        return ss("-tiOe", option(family), "state", "close-wait")
    before = text()
    with open_dump() as netlink:
        datagrams = dump(netlink, inet(family, CLOSE_WAIT, extensions=WITH_TCP_INFO))
    write(name, datagrams, before=before, after=text())


def states():
    """Every state, by its number of sockets."""
    record_tcp("empty-ipv4", socket.AF_INET)

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
    record_tcp("states-ipv4", socket.AF_INET)
    record_tcp("states-ipv6", socket.AF_INET6)

    # Bound, neither connected nor listening: since Linux 6.8 a dump that asks for every state has it.
    bound = socket.socket()
    bound.bind(("127.0.0.1", 9000))
    record_tcp("every-state-ipv4", socket.AF_INET, EVERY_STATE)
    bound.close()

    # More than one datagram can hold.
    ipv4.established(250)
    record_tcp("many-ipv4", socket.AF_INET)

    # IPv4 peers of a listener that takes both.
    both = tcp_states.Sockets("::ffff:127.0.0.2", "127.0.0.2")
    both.established(2)
    both.close_wait(1)
    both.time_wait(1, of_server=True)
    both.syn_received(1)
    record_tcp("mapped-ipv6", socket.AF_INET6)

    # A protocol that has no handler.
    with open_dump() as netlink:
        write("no-handler", dump(netlink, inet(socket.AF_INET, CONNECTION_STATES, protocol=200)))


def add_addresses():
    for address in ("2001:db8::1", "2001:db8:0:1:2:3:4:5"):
        subprocess.run(
            ["ip", "address", "add", address + "/128", "dev", "lo", "nodad"], check=True)


def rows():
    """Addresses, inodes, cookies and timers."""
    add_addresses()
    keep = []
    for held in (tcp_states.Sockets("127.0.0.1", "127.0.0.1"), tcp_states.Sockets("::1", "::1")):
        held.established()
        held.close_wait_orphan()
        held.time_wait()
        held.syn_sent()
        held.syn_received()
        held.last_ack()
        keep.append(held)
    for family, here, there in (
            (socket.AF_INET, "127.1.2.3", "127.4.5.6"),
            (socket.AF_INET6, "2001:db8::1", "2001:db8:0:1:2:3:4:5")):
        listener = socket.socket(family)
        listener.bind((here, 9100))
        listener.listen(7)
        waiting = socket.create_connection((here, 9100), source_address=(there, 9200))
        waiting.send(b"bytes that nobody reads")
        keepalive = socket.create_connection((here, 9100), source_address=(there, 9201))
        keepalive.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        accepted = listener.accept()[0]
        keep += [listener, waiting, keepalive, accepted]
        record_rows("rows-ipv4" if family == socket.AF_INET else "rows-ipv6", family)


def both():
    """Both families in one dump, among them IPv4 peers of a listener that takes both."""
    keep = []
    for listening, connected in (
            ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::ffff:127.0.0.2", "127.0.0.2")):
        held = tcp_states.Sockets(listening, connected)
        held.established()
        held.close_wait()
        held.close_wait_orphan()
        held.time_wait(of_server=True)
        held.syn_sent()
        held.syn_received()
        held.fin_wait1()
        held.closing()
        held.last_ack()
        keep.append(held)
    record("both-families", both_families(CONNECTION_STATES),
           lambda: ss("-toe", "-4") + ss("-toe", "-6"),
           key=of_a_timer_its_kind, request=TCPDIAG_GETSOCK)
    with open_dump() as netlink:
        write("unknown-request", dump(netlink, both_families(CONNECTION_STATES), NO_REQUEST))


def ages():
    """CLOSE_WAIT of different ages."""
    add_addresses()
    keep = []
    for family, address in ((socket.AF_INET, "127.0.0.9"), (socket.AF_INET6, "2001:db8::1")):
        listener = socket.socket(family)
        listener.bind((address, 9300))
        listener.listen(7)
        keep.append(listener)
        for _ in range(3):
            client = socket.create_connection((address, 9300))
            server = listener.accept()[0]
            client.shutdown(socket.SHUT_WR)
            keep += [client, server]
            time.sleep(0.25)
        record_ages("close-wait-ipv4" if family == socket.AF_INET else "close-wait-ipv6", family)


def other_kinds():
    """Sockets of which only the inode is read."""
    keep = []
    for family, here in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in range(3):
            datagram = socket.socket(family, socket.SOCK_DGRAM)
            datagram.bind((here, 0))
            if kind == 2:
                datagram.connect((here, 9))
            keep.append(datagram)

    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0sock_diag-recording")
    listener.listen(1)
    client = socket.socket(socket.AF_UNIX)
    client.connect("\0sock_diag-recording")
    keep += [client, listener.accept()[0]]
    keep += [listener, *socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)]

    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        keep.append(socket.socket(socket.AF_PACKET, kind, socket.htons(ETH_P_ALL)))
    keep.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
    keep[-1].bind((0, 1))

    for family, suffix in ((socket.AF_INET, "ipv4"), (socket.AF_INET6, "ipv6")):
        record("udp-" + suffix, inet(family, EVERY_STATE, UDP),
               lambda family=family: ss("-ue", option(family)))
    record("unix", UNIX, lambda: ss("-xe"))
    record("packet", PACKET, lambda: ss("-0e"))
    # A kernel without raw_diag, such as the one of the recordings, refuses.
    with open_dump() as netlink:
        write("raw-refused", dump(netlink, inet(socket.AF_INET, EVERY_STATE, RAW)))
    record("netlink", NETLINK, proc_net_netlink)  # `ss` does not print their inodes


PARTS = {"states": states, "rows": rows, "both": both, "ages": ages, "other-kinds": other_kinds}

if __name__ == "__main__":
    if len(sys.argv) > 1:
        tcp_states.prepare()
        PARTS[sys.argv[1]]()
    else:
        # A network for each part, so that none counts the sockets of another.
        for part in PARTS:
            subprocess.run(
                ["unshare", "--net", sys.executable, os.path.abspath(__file__), part], check=True)
