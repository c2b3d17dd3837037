"""A plain HTTP client: nothing between the request and the clock but a socket."""

import re
import socket

from .errors import CannotMeasure

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class BadAnswer(CannotMeasure):
    pass


class Client:
    """Asks for one page, again and again, on one connection."""

    def __init__(self, port: int, path: str, timeout: float):
        self.port = port
        self.timeout = timeout
        self.request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode()
        self.connection: socket.socket | None = None

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    def disconnect(self) -> None:
        if self.connection:
            self.connection.close()
            self.connection = None

    def get(self) -> bytes:
        self._connect().sendall(self.request)
        head, end, body = b"", b"", b""
        while not end:
            head, end, body = (head + self._receive()).partition(b"\r\n\r\n")
        length = CONTENT_LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200 ") or not length:
            raise BadAnswer(head.partition(b"\r\n")[0].decode(errors="replace"))
        parts, missing = [body], int(length[1]) - len(body)
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        return b"".join(parts)

    def _connect(self) -> socket.socket:
        if not self.connection:
            self.connection = socket.create_connection(("127.0.0.1", self.port), self.timeout)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.connection

    def _receive(self) -> bytes:
        received = self._connect().recv(1 << 18)
        if not received:
            raise BadAnswer("the server closed the connection in the middle of its answer")
        return received
