"""Outcomes written by one thread, as many in one commit as have come in meanwhile.

A commit waits for the disk; while it does, others queue up, and the next commit takes them all.
The queue is bounded: when it is full, an outcome is turned away rather than kept waiting.
"""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

from router.errors import OverloadedError
from router.ledger.store import OutcomeStore, RecordedOutcome

MOST_IN_COMMIT = 256


class _Waiting(NamedTuple):
    outcome: RecordedOutcome
    future: "Future[bool]"
    since: float


class OutcomeWriter:
    """A thread that makes outcomes durable. ``put`` may be called from any thread.

    Args:
        store: Closed by the caller, after ``close``.
        capacity: Most outcomes that wait, at least 1.
        waited: Told of each outcome how many seconds it waited for its turn; on the thread.
    """

    def __init__(
        self,
        store: OutcomeStore,
        capacity: int,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._waited = waited
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(capacity)
        self._thread = threading.Thread(target=self._run, name="router-outcomes", daemon=True)
        self._thread.start()

    def put(self, outcome: RecordedOutcome) -> "Future[bool]":
        """Hand over an outcome; the result comes when it is durable, and is ``record``'s.

        Raises:
            OverloadedError: too many wait.
        """
        future: Future[bool] = Future()
        try:
            self._queue.put_nowait(_Waiting(outcome, future, time.perf_counter()))
        except queue.Full:
            raise OverloadedError(
                f"{self._queue.maxsize} outcomes wait for the disk; send it again later",
                cause="outcomes_queue",
                retry_seconds=1.0,
            ) from None
        return future

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            waiting, is_last = [first], False
            while len(waiting) < MOST_IN_COMMIT and not is_last:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                is_last = item is None
                if item is not None:
                    waiting.append(item)
            # Whose caller has gone need not be written: it was never acknowledged.
            self._write([one for one in waiting if one.future.set_running_or_notify_cancel()])
            if is_last:
                return

    def _write(self, waiting: list[_Waiting]) -> None:
        if not waiting:
            return
        now = time.perf_counter()
        for one in waiting:
            self._waited(now - one.since)
        try:
            results = self._store.record_many([one.outcome for one in waiting])
        except BaseException as error:  # whatever it is, each caller must be told
            for one in waiting:
                one.future.set_exception(error)
            return
        for one, result in zip(waiting, results, strict=True):
            if isinstance(result, bool):
                one.future.set_result(result)
            else:
                one.future.set_exception(result)
