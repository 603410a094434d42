"""An HTTP endpoint for Prometheus on a port of its own. It knows two paths and keeps no state.

``/metrics`` gives the text, ``/ready`` 200 or 503. Few connections are served at a time, each in a
thread and for some seconds at most: one that is slow to ask or to read is dropped, and when all
places are taken the oldest makes room, so that nobody is kept from asking by those who hold on.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Self

from router.errors import ConfigError
from router.metrics.text import CONTENT_TYPE

MOST_CONNECTIONS = 16
LONGEST_SECONDS = 5.0
_PATIENCE_SECONDS = 1.0

logger = logging.getLogger("router.metrics")


class MetricsEndpoint:
    """A running endpoint. Use as a context manager, or call ``close``.

    Args:
        address: host:port; port 0 takes a free one.
        text: Gives the exposition; may wait.
        ready: Tells whether calls are taken.

    Attributes:
        port: Port it listens on.

    Raises:
        ConfigError: the address cannot be bound.
    """

    def __init__(self, address: str, text: Callable[[], str], ready: Callable[[], bool]) -> None:
        host, _, port = address.rpartition(":")
        try:
            self._server = _Server((host.strip("[]"), int(port)), _handler(text, ready))
        except OSError as error:
            raise ConfigError(
                f"metrics_address = {address!r}: cannot listen there ({error}); give another "
                "address, or port 0 for a free one",
                metadata={"address": address},
            ) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="router-metrics", daemon=True
        )
        self._thread.start()
        logger.info("metrics on http://%s:%d/metrics", host, self.port)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, where: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._since: dict[socket.socket, float] = {}  # oldest first; changed under the lock
        self._lock = threading.Lock()
        super().__init__(where, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, at the cost of the oldest one if there are too many."""
        if not self._places.acquire(blocking=False):
            self._drop(1)
            if not self._places.acquire(timeout=_PATIENCE_SECONDS):
                self.shutdown_request(request)  # what is asked for hangs; nobody can be answered
                return
        with self._lock:
            self._since[request] = time.monotonic()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve the connection, then give its place to another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def shutdown_request(self, request: Any) -> None:
        """Close the connection."""
        with self._lock:
            self._since.pop(request, None)
            super().shutdown_request(request)

    def service_actions(self) -> None:
        """Drop who holds on for too long; called twice a second."""
        too_long = time.monotonic() - LONGEST_SECONDS
        with self._lock:
            count = sum(since < too_long for since in self._since.values())
        self._drop(count)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave a client that went away alone."""
        logger.debug("%s was not answered", client_address, exc_info=True)

    def _drop(self, count: int) -> None:
        """End the oldest connections; their threads wake up from reading or writing."""
        with self._lock:
            for request in list(self._since)[:count]:
                del self._since[request]
                with contextlib.suppress(OSError):  # the client was faster
                    request.shutdown(socket.SHUT_RDWR)

    def server_bind(self) -> None:
        """Bind without asking a name server who we are, which may take long and tells nobody."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "router", self.server_address[1]


def _handler(text: Callable[[], str], ready: Callable[[], bool]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE_SECONDS
        server_version = "router"
        sys_version = ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, text(), CONTENT_TYPE)
            elif path == "/ready":
                is_ready = ready()
                self._answer(200 if is_ready else 503, "ready\n" if is_ready else "not ready\n")
            else:
                self._answer(404, "there are /metrics and /ready\n")

        def _answer(self, status: int, body: str, kind: str = "text/plain") -> None:
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
            logger.debug(format, *args)

    return Handler
