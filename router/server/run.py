"""A server until it is asked to stop: what one process alone and every worker does."""

import contextlib
import queue
import signal
import threading
from collections.abc import Callable

from router.config import Config
from router.server.app import RouterServer

_LOOK_SECONDS = 0.2


def serve_until_stopped(
    config: Config,
    ready: Callable[[RouterServer], None],
    *,
    asked_to_stop: threading.Event | None = None,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM, SIGINT or ``asked_to_stop``; SIGHUP reloads. For the main thread.

    Args:
        config: All settings.
        ready: Told when calls are taken.
        asked_to_stop: Another way to ask.
        stopping: Told when it was asked, before the server drains.

    Raises:
        RouterError: see ``RouterServer``; nothing is listening then.
    """
    asked = asked_to_stop or threading.Event()
    # Queues that a signal handler may put into wherever it interrupts.
    stops: queue.SimpleQueue[int] = queue.SimpleQueue()
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda number, _: stops.put(number))
    reloads: queue.SimpleQueue[int] = queue.SimpleQueue()
    signal.signal(signal.SIGHUP, lambda number, _: reloads.put(number))
    with RouterServer(config) as server:
        threading.Thread(target=_reload, args=(server, reloads), daemon=True).start()
        ready(server)
        # Another thread may be the one a signal interrupts; handlers run when this one wakes up.
        while not asked.is_set():
            with contextlib.suppress(queue.Empty):
                stops.get(timeout=_LOOK_SECONDS)
                asked.set()
        stopping()


def _reload(server: RouterServer, asked: "queue.SimpleQueue[int]") -> None:
    while asked.get():
        with contextlib.suppress(Exception):  # a refusal is told by log, health and status
            server.reload("signal")
