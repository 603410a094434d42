"""What a server looks after between calls: the loop's lag, the store, what other processes found.

One coroutine comes round ten times a second; what may wait for the disk goes to a thread, one look
at a time. Changes of state are told once, to health, to the log and as a metric.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from router.ledger.store import OutcomeStore
from router.metrics import families
from router.metrics.registry import Registry

ROUND_SECONDS = 0.1
_LOOK_EVERY = 10
_NEVER_LOOKED = "not looked at yet"

logger = logging.getLogger("router.server")


class Watchman:
    """Comes round while the server runs. All methods belong to the loop's thread.

    Args:
        registry: Of the server's counters.
        store: Of outcomes; probed while it fails.
        off_the_path: Called every second in a thread.
        on_the_loop: Called every round.
        on_store: Told whether the store takes outcomes, when that changes and at the start.
    """

    def __init__(
        self,
        registry: Registry,
        store: OutcomeStore,
        *,
        off_the_path: Callable[[], None],
        on_the_loop: Callable[[], None],
        on_store: Callable[[bool], None],
    ) -> None:
        self._store = store
        self._off_the_path = off_the_path
        self._on_the_loop = on_the_loop
        self._on_store = on_store
        self._lag = registry.histogram(families.LOOP_LAG_SECONDS)
        self._up = registry.cell(families.STORE_UP)
        self._errors = registry.cell(families.STORE_ERRORS)
        self._lost = registry.cell(families.STORE_LOST)
        self._told: str | None = _NEVER_LOOKED
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="router-watchman")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look once, then come round until ``stop``."""
        self._tell()
        self._task = asyncio.create_task(self._rounds())

    def stop(self) -> None:
        """Come round no more."""
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _rounds(self) -> None:
        loop, rounds = asyncio.get_running_loop(), 0
        look: asyncio.Future[None] | None = None
        while True:
            due = time.perf_counter() + ROUND_SECONDS
            await asyncio.sleep(ROUND_SECONDS)
            self._lag.add(max(time.perf_counter() - due, 0.0))
            self._on_the_loop()
            self._tell()
            rounds += 1
            # One at a time, and not waited for: a disk that hangs must not hold up the rounds.
            if rounds % _LOOK_EVERY == 0 and (look is None or look.done()):
                look = loop.run_in_executor(self._thread, self._look_after)

    def _look_after(self) -> None:
        try:
            if self._store.failing:
                self._store.probe()
            else:
                self._store.look()
            self._off_the_path()
        except Exception:  # whatever went wrong now is tried again in a second
            logger.exception("a look at the store failed")

    def _tell(self) -> None:
        failing = self._store.failing
        self._lost.value = self._store.lost
        if (failing is None) == (self._told is None) and self._told != _NEVER_LOOKED:
            return
        self._up.value = int(failing is None)
        if failing is not None:
            self._errors.value += 1
            logger.error(
                "outcomes cannot be recorded (%s: %s); decisions go on, RecordOutcome answers "
                "UNAVAILABLE until the file can be written again",
                self._store.path,
                failing,
            )
        elif self._told != _NEVER_LOOKED:
            logger.warning("outcomes are recorded again: %s", self._store.path)
        self._told = failing
        self._on_store(failing is None)
