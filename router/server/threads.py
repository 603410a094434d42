"""Threads for what computes or waits for long, with a bounded queue that looks at deadlines.

A call that would find the queue full, or whose deadline would pass while it waits there, is turned
away at once rather than served late. All methods belong to the loop's thread.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from router.errors import OverloadedError
from router.metrics.registry import Histogram
from router.server.wanted import Work, current_work

_FIRST_GUESS_SECONDS = 0.001
_WEIGHT_OF_LAST = 0.1
_SHORTEST_RETRY_SECONDS = 0.01
MOST_BYTES = 256 * 1024 * 1024
"""Of requests that wait or run, unless it is one alone."""


class Threads:
    """A pool of threads and what waits for them.

    Args:
        count: Of threads, at least 1.
        capacity: Most calls that wait for one, at least 1.
        waits: Told how long each waited, in seconds.
    """

    def __init__(self, count: int, capacity: int, waits: Histogram) -> None:
        self._count = count
        self._capacity = capacity
        self._waits = waits
        self._outstanding = 0
        self._bytes = 0
        self._seconds_each = _FIRST_GUESS_SECONDS
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="router")

    async def run(
        self,
        method: Callable[..., Any],
        *arguments: Any,
        seconds_left: float | None = None,
        size: int = 0,
    ) -> Any:
        """Run a method in a thread and return its result.

        Work that has not begun when the caller is cancelled is not begun.

        Args:
            method: What is run.
            arguments: Its arguments.
            seconds_left: Until the call's deadline; None without one.
            size: Bytes of the request.

        Raises:
            OverloadedError: it was not queued.
        """
        waiting = max(self._outstanding - self._count, 0)
        wait = waiting * self._seconds_each / self._count
        if waiting >= self._capacity:
            raise _overloaded(f"{waiting} calls wait for a thread", "threads_queue", wait)
        if seconds_left is not None and wait > seconds_left:
            raise _overloaded(
                f"the wait for a thread is about {wait:.3f} s, the deadline is in "
                f"{seconds_left:.3f} s",
                "deadline",
                wait,
            )
        if self._bytes and self._bytes + size > MOST_BYTES:
            raise _overloaded(f"requests of {self._bytes} bytes are waiting", "threads_queue", wait)
        self._bytes += size
        try:
            return await self.run_anyway(method, *arguments)
        finally:
            self._bytes -= size

    async def run_anyway(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Run a method in a thread however many wait, and return its result.

        When the caller is cancelled, what has begun is told so by ``check_wanted``.
        """
        asked = time.perf_counter()
        times = [asked, asked]

        def work() -> Any:
            times[0] = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                times[1] = time.perf_counter()

        self._outstanding += 1
        inside, wanted = copy_context(), Work()  # a thread sees who is calling, as the loop does
        inside.run(current_work.set, wanted)
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, inside.run, work
            )
        except asyncio.CancelledError:
            wanted.is_wanted = False
            raise
        finally:
            self._outstanding -= 1
            began, ended = times
            self._waits.add(began - asked)
            if ended > began:
                self._seconds_each += _WEIGHT_OF_LAST * (ended - began - self._seconds_each)

    def close(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _overloaded(what: str, cause: str, wait: float) -> OverloadedError:
    return OverloadedError(
        f"turned away: {what}; try again later, with a back-off",
        cause=cause,
        retry_seconds=max(wait, _SHORTEST_RETRY_SECONDS),
    )
