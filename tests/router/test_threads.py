"""Threads with a bounded queue: full, too late, cancelled, or served in turn."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from router.errors import OverloadedError
from router.metrics.registry import Histogram
from router.server.threads import MOST_BYTES, Threads
from router.server.wanted import NobodyWaitsError, check_wanted


def served(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def test_a_call_that_finds_the_queue_full_is_turned_away_with_a_time_to_retry() -> None:
    async def scenario() -> None:
        threads, release = Threads(1, 2, Histogram((1.0,))), threading.Event()
        running = [asyncio.create_task(threads.run(release.wait, 20.0)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="2 calls wait for a thread") as caught:
            await threads.run(print)
        assert (caught.value.cause, caught.value.retry_seconds > 0) == ("threads_queue", True)
        release.set()
        assert await asyncio.gather(*running) == [True, True, True]
        assert await threads.run(lambda: "served again") == "served again"
        threads.close()

    served(scenario())


def test_large_requests_are_turned_away_before_they_fill_the_memory() -> None:
    async def scenario() -> None:
        threads, release = Threads(1, 100, Histogram((1.0,))), threading.Event()
        half = MOST_BYTES // 2
        running = [asyncio.create_task(threads.run(release.wait, 20.0, size=half)) for _ in "ab"]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match=f"requests of {2 * half} bytes") as caught:
            await threads.run(print, size=1)
        assert caught.value.cause == "threads_queue"
        release.set()
        await asyncio.gather(*running)
        assert await threads.run(lambda: "alone", size=2 * MOST_BYTES) == "alone"
        threads.close()

    served(scenario())


def test_a_call_whose_deadline_would_pass_in_the_queue_is_turned_away_at_once() -> None:
    async def scenario() -> None:
        threads, release = Threads(1, 100, Histogram((1.0,))), threading.Event()
        threads._seconds_each = 0.5
        running = [asyncio.create_task(threads.run(release.wait, 20.0)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match=r"about 1\.000 s, the deadline is in 0\.900 s"):
            await threads.run(print, seconds_left=0.9)
        patient = asyncio.create_task(threads.run(lambda: "served", seconds_left=5.0))
        release.set()
        await asyncio.gather(*running)
        assert await patient == "served"
        threads.close()

    served(scenario())


def test_work_of_a_caller_who_has_left_is_not_begun() -> None:
    async def scenario() -> None:
        threads, release, did = Threads(1, 9, Histogram((1.0,))), threading.Event(), []
        running = asyncio.create_task(threads.run(release.wait, 20.0))
        waiting = asyncio.create_task(threads.run(did.append, 1))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        release.set()
        await running
        assert await threads.run(lambda: did) == []
        threads.close()

    served(scenario())


def test_work_that_has_begun_is_told_that_its_caller_has_left() -> None:
    async def scenario() -> None:
        threads, begun, left = Threads(1, 9, Histogram((1.0,))), threading.Event(), []

        def work() -> None:
            check_wanted()
            begun.set()
            with suppress(NobodyWaitsError):
                while True:
                    check_wanted()
            left.append(True)

        running = asyncio.create_task(threads.run(work))
        await asyncio.to_thread(begun.wait, 20.0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await threads.run(lambda: left) == [True]
        check_wanted()  # nobody keeps account of what runs here
        threads.close()

    served(scenario())


def test_what_must_be_done_is_done_however_many_wait() -> None:
    async def scenario() -> None:
        threads, release = Threads(1, 1, Histogram((1.0,))), threading.Event()
        running = [asyncio.create_task(threads.run(release.wait, 20.0)) for _ in range(2)]
        await asyncio.sleep(0)
        owed = asyncio.create_task(threads.run_anyway(lambda: "done"))
        release.set()
        assert await owed == "done"
        await asyncio.gather(*running)
        threads.close()

    served(scenario())


def test_waits_and_the_usual_length_of_work_are_learnt_also_from_work_that_fails() -> None:
    async def scenario() -> None:
        waits = Histogram((60.0,))
        threads = Threads(1, 1, waits)
        before = threads._seconds_each
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 / 0)
        assert waits.counts == [1, 0]
        assert threads._seconds_each != before
        threads.close()

    served(scenario())
