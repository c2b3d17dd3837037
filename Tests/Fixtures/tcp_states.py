"""Brings real TCP sockets into every state that can be held still, in the network namespace it runs in.

The states in which a peer's answer is missing are made by dropping packets with nftables, by port.
Used by the recorders beside it; needs root and a namespace of its own.
"""

import socket
import subprocess
import time

LISTEN, LOST_SYN, LOST_ACK, LOST_FIN_OF_CLIENT, LOST_FIN_OF_SERVER = 8080, 8081, 8082, 8083, 8084

RULES = f"""
table inet states {{
  chain output {{
    type filter hook output priority 0;
    tcp dport {LOST_SYN} tcp flags & (syn | ack) == syn drop
    tcp dport {LOST_ACK} tcp flags & (syn | ack) == ack drop
    tcp dport {LOST_FIN_OF_CLIENT} tcp flags & fin == fin drop
    tcp sport {LOST_FIN_OF_SERVER} tcp flags & fin == fin drop
  }}
}}
"""


def prepare():
    """Loopback up and the packet filter in place."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["nft", "-f", "-"], input=RULES.encode(), check=True)
    time.sleep(0.5)  # ::1 is usable only after duplicate address detection


class Sockets:
    """Holds the sockets of one address. `keep` must outlive the recording."""

    def __init__(self, listen_address, address):
        self.keep = []
        self.address = address
        self.family = socket.AF_INET6 if ":" in listen_address else socket.AF_INET
        self.listeners = {}
        for port in (LISTEN, LOST_ACK, LOST_FIN_OF_CLIENT, LOST_FIN_OF_SERVER):
            listener = socket.socket(self.family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((listen_address, port))
            listener.listen(64)
            self.listeners[port] = listener

    def pair(self, port=LISTEN):
        """A connection: client end, server end."""
        client = socket.create_connection((self.address, port))
        server, _ = self.listeners[port].accept()
        self.keep += [client, server]
        return client, server

    def established(self, count=1):
        """2 ESTABLISHED each; the first has unread bytes."""
        for index in range(count):
            client, _ = self.pair()
            if index == 0:
                client.send(b"unread")

    def close_wait(self, count=1):
        """CLOSE_WAIT held by the server, FIN_WAIT2 held by the client, each."""
        for _ in range(count):
            self.pair()[0].shutdown(socket.SHUT_WR)

    def close_wait_orphan(self, count=1):
        """CLOSE_WAIT held by the server, a FIN_WAIT2 that no process holds, each."""
        for _ in range(count):
            self.pair()[0].close()

    def time_wait(self, count=1, of_server=False):
        """1 TIME_WAIT each, of the end that closes first."""
        for _ in range(count):
            first, second = reversed(self.pair()) if of_server else self.pair()
            first.close()
            second.close()

    def syn_sent(self, count=1):
        for _ in range(count):
            client = socket.socket(self.family if ":" in self.address else socket.AF_INET)
            client.setblocking(False)
            client.connect_ex((self.address, LOST_SYN))
            self.keep.append(client)

    def syn_received(self, count=1):
        """A client that is ESTABLISHED and a request that still is SYN_RECV, each."""
        for _ in range(count):
            self.keep.append(socket.create_connection((self.address, LOST_ACK)))

    def fin_wait1(self, count=1):
        """FIN_WAIT1 held by the client, ESTABLISHED held by the server, each."""
        for _ in range(count):
            self.pair(LOST_FIN_OF_CLIENT)[0].shutdown(socket.SHUT_WR)

    def closing(self, count=1):
        """CLOSING held by the client, FIN_WAIT2 held by the server, each."""
        for _ in range(count):
            client, server = self.pair(LOST_FIN_OF_CLIENT)
            client.shutdown(socket.SHUT_WR)
            server.shutdown(socket.SHUT_WR)

    def last_ack(self, count=1):
        """LAST_ACK held by the server, FIN_WAIT2 held by the client, each."""
        for _ in range(count):
            client, server = self.pair(LOST_FIN_OF_SERVER)
            client.shutdown(socket.SHUT_WR)
            time.sleep(0.02)
            server.shutdown(socket.SHUT_WR)
