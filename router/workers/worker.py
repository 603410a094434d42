"""``python -m router.workers.worker FD``: one worker, told over a socket what it is to serve.

It sends "ready" when it takes calls, its metrics when it is asked for them and when it has stopped,
and "draining" when it is to stop. A socket that closes means that the control process has gone:
the worker drains.
"""

import signal
import socket
import sys
import threading
from collections.abc import Sequence

from router.errors import RouterError
from router.logs import set_up_logs
from router.metrics.registry import to_line
from router.server.app import RouterServer
from router.server.run import serve_until_stopped
from router.workers.order import Order


class _Link:
    """The worker's end of the socket."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self._lock = threading.Lock()

    def send(self, line: str) -> None:
        """Send a line; without a control process there is nobody to tell."""
        try:
            with self._lock:
                self._socket.sendall(line.encode() + b"\n")
        except OSError:
            return

    def read(self) -> str:
        """Wait for a line; empty when the control process has gone."""
        try:
            return self._lines.readline()
        except OSError:
            return ""


def main(argv: Sequence[str]) -> int:
    """Serve until asked to stop; return the exit status."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    link = _Link(int(argv[0]))
    order = Order.from_line(link.read())
    asked_to_stop = threading.Event()

    servers: list[RouterServer] = []

    def ready(server: RouterServer) -> None:
        servers.append(server)
        threading.Thread(target=_answer, args=(link, server, asked_to_stop), daemon=True).start()
        link.send("ready")

    try:
        config = order.config()
        set_up_logs(config, worker=order.index)
        serve_until_stopped(
            config,
            ready,
            asked_to_stop=asked_to_stop,
            stopping=lambda: link.send("draining"),
        )
        for server in servers:  # what was counted since it was last asked
            _tell(link, server)
    except RouterError as error:
        print(f"error: {' '.join(error.message.split())}", file=sys.stderr)
        return 1
    return 0


def _answer(link: _Link, server: RouterServer, asked_to_stop: threading.Event) -> None:
    while line := link.read():
        if line == "snapshot\n":
            _tell(link, server)
    asked_to_stop.set()


def _tell(link: _Link, server: RouterServer) -> None:
    link.send(f"snapshot {to_line(server.snapshot())}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
