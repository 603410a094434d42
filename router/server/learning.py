"""What a server learns from outcomes while it serves, shared by every arm and kept over swaps.

Ratios of token counts and the hit rates of prompt caches. Reports are written by a thread of their
own, many in one commit, after their outcome is durable and answered.
"""

import logging
import queue
import threading

from router.config import Config
from router.cost.warmth import CacheMemory
from router.ledger.ratios import CountReport, RatioStore
from router.server.token_report import TokenReport

MOST_WAITING = 10_000
MOST_IN_COMMIT = 256

logger = logging.getLogger("router.server")


class Learning:
    """Holds what is learnt. ``learn`` never waits and may be called from any thread.

    Args:
        config: The store.

    Attributes:
        ratios: Of token counts.
        memory: What sessions left in providers' caches, and what was read of it.

    Raises:
        StoreError: the store's directory is not there.
    """

    def __init__(self, config: Config) -> None:
        self.ratios = RatioStore(config.store, must_open=False)
        self.memory = CacheMemory()
        self._without_room = 0  # counted where outcomes are answered
        self._lost = 0  # counted by the thread here
        self._queue: queue.Queue[CountReport | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="router-learning", daemon=True)
        self._thread.start()

    def learn(self, report: TokenReport) -> None:
        """Learn from a report, soon; one that finds no room is counted and dropped."""
        if report.warm and report.cached is not None:
            self.memory.report(report.deployment, report.warm, report.cached)
        one = CountReport(report.deployment, report.kind, report.estimated, report.reported)
        try:
            self._queue.put_nowait(one)
        except queue.Full:
            self._without_room += 1

    @property
    def dropped(self) -> int:
        """Reports that nothing was learnt from: there was no room, or the store failed."""
        return self._without_room + self._lost

    def look_again(self) -> None:
        """Take over what other processes learnt; may wait."""
        self.ratios.look_again()

    def close(self) -> None:
        """Write what waits, end the thread and close the file."""
        self._queue.put(None)
        self._thread.join()
        self.ratios.close()
        if self._without_room:
            logger.warning("%d reports of input tokens were dropped", self._without_room)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            reports, is_last = [first], False
            while len(reports) < MOST_IN_COMMIT and not is_last and not self._queue.empty():
                item = self._queue.get_nowait()  # nobody else takes from the queue
                is_last = item is None
                if item is not None:
                    reports.append(item)
            is_kept = False
            try:
                is_kept = self.ratios.report(reports)
            except Exception:  # whatever is wrong with these, later ones must be tried
                logger.exception("%d reports of input tokens are lost", len(reports))
            if not is_kept:
                self._lost += len(reports)
            if is_last:
                return
