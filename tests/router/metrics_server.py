"""Real HTTP servers on port 0 that behave like inference engines, well or badly."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

VLLM = """\
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="llama"} 3.0
vllm:num_requests_running{engine="0",model_name="llama"} 17.0
vllm:kv_cache_usage_perc{engine="0",model_name="llama"} 0.25
vllm:e2e_request_latency_seconds_bucket{le="+Inf"} 3.0
"""


def page(body: str, status: str = "200 OK") -> bytes:
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def chunked(body: str, size: int = 7) -> bytes:
    data = body.encode()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"


class MetricsServer:
    """Answers every connection with ``answer``, a few bytes at a time if it is told to.

    Attributes:
        answer: Bytes that go out; may be changed while it runs.
        pause_s: Before every further piece.
        piece: Bytes of a piece.
        requests: What was asked, in order.
    """

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.pause_s = 0.0
        self.piece = 1 << 20
        self.requests: list[bytes] = []
        self._stopped = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/metrics"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                self.requests.append(connection.recv(65_536))
                for at in range(0, len(self.answer), self.piece):
                    if self.pause_s and self._stopped.wait(self.pause_s):
                        return
                    connection.sendall(self.answer[at : at + self.piece])
            except OSError:  # the reader has given up, as it should with a slow one
                return

    def close(self) -> None:
        """Listen no more: whoever asks is refused."""
        self._stopped.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def metrics_server(answer: bytes | None = None) -> Iterator[MetricsServer]:
    """Run a server that answers with a page of vLLM unless told otherwise."""
    server = MetricsServer(page(VLLM) if answer is None else answer)
    try:
        yield server
    finally:
        if not server._stopped.is_set():
            server.close()


def unused_url() -> str:
    """Return the address of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}/metrics"
