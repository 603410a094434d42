"""An open-loop gRPC client on bare sockets: calls go out when they are due, whatever comes back.

It speaks just enough HTTP/2 for unary calls, so that a call costs it some 20 microseconds and it is
not the bottleneck of what it measures. Latency counts from the moment a call was due. It is a
measuring device and no client for applications.
"""

import random
import re
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_STATUS = re.compile(rb"grpc-status(.)", re.DOTALL)
_NAMES = {
    0: "OK", 1: "CANCELLED", 2: "UNKNOWN", 3: "INVALID_ARGUMENT", 4: "DEADLINE_EXCEEDED",
    8: "RESOURCE_EXHAUSTED", 9: "FAILED_PRECONDITION", 13: "INTERNAL", 14: "UNAVAILABLE",
}  # fmt: skip
NO_ANSWER = "NO_ANSWER"


@dataclass(frozen=True, slots=True)
class Sample:
    """One call: seconds from the start when it was due, seconds it took, name of its status."""

    due: float
    seconds: float
    status: str


@dataclass(slots=True)
class _Connection:
    sock: socket.socket
    next_stream: int = 1
    window: int = 65_535
    unread: bytes = b""
    unsent: bytes = b""
    due_of: dict[int, float] = field(default_factory=dict)
    is_open: bool = True


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _text(value: bytes) -> bytes:
    if len(value) > 126:
        raise ValueError(f"{value!r} is too long for this encoder")
    return bytes([len(value)]) + value


def _header_block(path: str, authority: str, timeout: float | None) -> bytes:
    block = b"\x83\x86" + b"\x04" + _text(path.encode()) + b"\x01" + _text(authority.encode())
    block += b"\x00" + _text(b"te") + _text(b"trailers")
    block += b"\x0f\x10" + _text(b"application/grpc")
    if timeout is not None:
        block += b"\x00" + _text(b"grpc-timeout") + _text(f"{round(timeout * 1e3)}m".encode())
    return block


class WireClient:
    """Connections to one server. Use ``run`` once, then ``close``.

    Args:
        address: host:port, plain text.
        connections: How many; calls take turns.
    """

    def __init__(self, address: str, connections: int = 4) -> None:
        host, _, port = address.rpartition(":")
        self._authority = address
        self._selector = selectors.DefaultSelector()
        self._connections = [self._connect(host, int(port)) for _ in range(connections)]
        self._samples: list[Sample] = []
        self._began = 0.0

    def run(
        self,
        path: str,
        messages: Sequence[bytes],
        *,
        rate: float,
        seconds: float,
        seed: int,
        timeout: float | None = None,
        patience: float = 10.0,
    ) -> list[Sample]:
        """Call ``rate`` times a second at random moments, and wait for what is still out.

        Args:
            path: Such as "/router.v1.RouterService/Route".
            messages: Serialized requests, in turn.
            rate: Mean calls a second.
            seconds: How long calls go out.
            seed: Of the moments.
            timeout: Deadline told to the server; None tells none.
            patience: Seconds to wait for the last answers.
        """
        head = _header_block(path, self._authority, timeout)
        due = deque(_moments(rate, seconds, seed))
        bodies = [b"\0" + struct.pack(">I", len(message)) + message for message in messages]
        self._began = time.perf_counter()
        sent, end = 0, seconds + patience
        while (now := time.perf_counter() - self._began) < end:
            while due and due[0] <= now:
                connection = self._connections[sent % len(self._connections)]
                self._send(connection, head, bodies[sent % len(bodies)], due.popleft())
                sent += 1
            waiting = any(one.due_of for one in self._connections)
            if not due and not waiting:
                break
            now = time.perf_counter() - self._began
            self._turn(min(max(due[0] - now, 0.0), 0.05) if due else 0.05)
        for connection in self._connections:
            for moment in connection.due_of.values():
                self._samples.append(Sample(moment, end - moment, NO_ANSWER))
        return self._samples

    def close(self) -> None:
        """Close every connection."""
        for connection in self._connections:
            connection.sock.close()
        self._selector.close()

    def _connect(self, host: str, port: int) -> _Connection:
        sock = socket.create_connection((host, port), timeout=10.0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # No header table, so that a status is always spelt out; windows that never close.
        settings = struct.pack(">HIHI", 1, 0, 4, 2**31 - 1)
        sock.sendall(
            _PREFACE
            + _frame(_SETTINGS, 0, 0, settings)
            + _frame(_WINDOW, 0, 0, struct.pack(">I", 2**31 - 1 - 65_535))
        )
        sock.setblocking(False)
        connection = _Connection(sock)
        self._selector.register(sock, selectors.EVENT_READ, connection)
        return connection

    def _send(self, connection: _Connection, head: bytes, body: bytes, due: float) -> None:
        if not connection.is_open or connection.window < len(body):
            self._samples.append(Sample(due, 0.0, "NOT_SENT"))
            return
        stream, connection.next_stream = connection.next_stream, connection.next_stream + 2
        connection.window -= len(body)
        connection.due_of[stream] = due
        connection.unsent += _frame(_HEADERS, _END_HEADERS, stream, head)
        connection.unsent += _frame(_DATA, _END_STREAM, stream, body)
        self._flush(connection)

    def _flush(self, connection: _Connection) -> None:
        try:
            sent = connection.sock.send(connection.unsent)
            connection.unsent = connection.unsent[sent:]
        except BlockingIOError:
            return
        except OSError:
            self._lost(connection)

    def _turn(self, patience: float) -> None:
        for key, _ in self._selector.select(patience):
            connection: _Connection = key.data
            try:
                data = connection.sock.recv(1 << 18)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self._lost(connection)
                continue
            connection.unread += data
            self._read(connection)
        for connection in self._connections:
            if connection.unsent and connection.is_open:
                self._flush(connection)

    def _read(self, connection: _Connection) -> None:
        unread, place = connection.unread, 0
        while place + 9 <= len(unread):
            length = int.from_bytes(unread[place : place + 3])
            if place + 9 + length > len(unread):
                break
            kind, flags = unread[place + 3], unread[place + 4]
            stream = int.from_bytes(unread[place + 5 : place + 9]) & 0x7FFF_FFFF
            self._take(connection, kind, flags, stream, unread[place + 9 : place + 9 + length])
            place += 9 + length
        connection.unread = unread[place:]

    def _take(
        self, connection: _Connection, kind: int, flags: int, stream: int, payload: bytes
    ) -> None:
        if kind == _HEADERS and flags & _END_STREAM:
            found = _STATUS.search(payload)
            value = payload[found.end() : found.end() + found[1][0]] if found else b""
            code = int(value) if value.isdigit() else -1
            self._ended(connection, stream, _NAMES.get(code, f"CODE_{code}"))
        elif kind == _RST:
            self._ended(connection, stream, f"RST_{int.from_bytes(payload)}")
        elif kind == _SETTINGS and not flags & _ACK:
            connection.unsent += _frame(_SETTINGS, _ACK, 0, b"")
        elif kind == _PING and not flags & _ACK:
            connection.unsent += _frame(_PING, _ACK, 0, payload)
        elif kind == _WINDOW and stream == 0:
            connection.window += int.from_bytes(payload)
        elif kind == _GOAWAY:
            connection.is_open = False

    def _ended(self, connection: _Connection, stream: int, status: str) -> None:
        due = connection.due_of.pop(stream, None)
        if due is not None:
            took = time.perf_counter() - self._began - due
            self._samples.append(Sample(due, took, status))

    def _lost(self, connection: _Connection) -> None:
        connection.is_open = False
        connection.unsent = b""
        self._selector.unregister(connection.sock)
        for stream in list(connection.due_of):
            self._ended(connection, stream, "CONNECTION_LOST")


def _moments(rate: float, seconds: float, seed: int) -> Iterator[float]:
    generator, moment = random.Random(seed), 0.0  # noqa: S311 - no secret
    while (moment := moment + generator.expovariate(rate)) < seconds:
        yield moment
