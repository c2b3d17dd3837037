"""Holds sockets whose numbers are known: holder.py COUNT connections that their peers have closed, the socket
that they came to, three UDP sockets, and a pair of UNIX sockets."""
import pathlib
import signal
import socket
import sys

pathlib.Path("/proc/self/comm").write_text("holder")
server = socket.create_server(("127.0.0.1", 8000))
held = []
for _ in range(int(sys.argv[1])):
    with socket.create_connection(("127.0.0.1", 8000)):
        held.append(server.accept())
for _ in range(3):
    held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    held[-1].bind(("127.0.0.1", 0))
held += socket.socketpair()
signal.pause()
