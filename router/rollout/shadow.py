"""A shadow: a second engine that decides a share of requests beside the first, without effect.

The path of an answer only draws and puts the request into a bounded queue; a thread of its own
decides it again. Requests that find no room are counted and left out.
"""

import contextlib
import logging
import queue
import threading
from typing import NamedTuple

from router.chance import shadow_chance
from router.engine import Engine
from router.errors import RouterError
from router.rollout.comparison import Comparison
from router.types import Decision, Request

CAPACITY = 1_000

logger = logging.getLogger("router.server")


class _Seen(NamedTuple):
    request: Request
    made: Decision


class Shadow:
    """Decides again what was decided, and compares. ``offer`` never waits.

    Args:
        engine: The second one, over the same catalog as the first.
        share: Probability with which a request is looked at, in (0, 1].
        comparison: Takes what comes of it; a new one by default.

    Attributes:
        dropped: Requests that found no room in the queue.
    """

    def __init__(self, engine: Engine, share: float, comparison: Comparison | None = None) -> None:
        self.engine = engine
        self.share = share
        self.comparison = comparison or Comparison()
        self.dropped = 0
        self._queue: queue.Queue[_Seen | None] = queue.Queue(CAPACITY)
        self._thread = threading.Thread(target=self._run, name="router-shadow", daemon=True)
        self._thread.start()

    def offer(self, request: Request, made: Decision) -> None:
        """Hand over a request with what was decided, if it is drawn; may be called anywhere."""
        if shadow_chance(made.decision_id) >= self.share:
            return
        try:
            self._queue.put_nowait(_Seen(request, made))
        except queue.Full:
            self.dropped += 1

    def wait(self) -> None:
        """Block until everything that was handed over is compared."""
        self._queue.join()

    def close(self) -> None:
        """Leave what waits and end the thread."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
                self._queue.task_done()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (seen := self._queue.get()) is not None:
            try:
                self.comparison.add(seen.made, self.engine.route(seen.request))
            except RouterError as error:
                self.comparison.add_failure(error)
            except Exception as error:  # whatever one request does, the next one must be tried
                logger.warning("the shadow failed on a request", exc_info=error)
            finally:
                self._queue.task_done()
        self._queue.task_done()
