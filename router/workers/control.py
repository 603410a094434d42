"""The control process: starts the workers, replaces those that end, sums their metrics, stops them.

It takes no calls and loads no artifact, so what can break a worker cannot break it. If it is killed
itself, the workers notice and drain.
"""

import logging
import selectors
import signal
import time
from collections.abc import Callable
from types import FrameType

from router.config import Config
from router.errors import NotReadyError
from router.ledger.audits import AuditStore
from router.ledger.store import OutcomeStore
from router.metrics import families
from router.metrics.outlets import Outlets
from router.metrics.registry import Registry, Snapshot, merged
from router.workers.order import Order
from router.workers.port import reserve
from router.workers.slot import slots

_ROUND_SECONDS = 0.05
_LATE_SECONDS = 10.0

logger = logging.getLogger("router.workers")


class Control:
    """Keeps ``config.workers`` workers up until it is asked to stop.

    Args:
        order: What workers are told; its address is settled here.
        config: Settings, as the workers will read them.
        ready: Told the address, once all workers are ready for the first time.

    Attributes:
        metrics_port: Port of the metrics endpoint; None without one.

    Raises:
        ConfigError: an address cannot be bound.
        MissingExtraError: see ``Outlets``.
        StoreError: see the stores.
    """

    def __init__(self, order: Order, config: Config, ready: Callable[[str], None]) -> None:
        self._config = config
        self._ready = ready
        self._reserved, self._address = reserve(config.address)
        _make_store(config)
        settled = Order(order.config_file, order.flags, self._address)
        self._slots = slots(settled, config.workers, time.monotonic)
        self._signals: list[int] = []
        self._outlets = Outlets(config, self.snapshot, self._is_any_ready)
        self.metrics_port = self._outlets.port

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT, then drain. Belongs to the main thread.

        Raises:
            NotReadyError: a worker ended before any was ready; it has said why.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)
        self._outlets.begin()
        try:
            self._supervise()
        finally:
            for slot in self._slots:
                slot.close()
            self._outlets.close()
            self._reserved.close()
        logger.info("stopped")

    def snapshot(self) -> Snapshot:
        """Return the metrics of all workers, those that have gone included."""
        registry = Registry()
        registry.cell(families.WORKERS_WANTED).value = len(self._slots)
        for slot in self._slots:
            number = str(slot.index)
            registry.cell(families.WORKER_UP, number).value = int(slot.is_ready)
            registry.cell(families.WORKER_RESTARTS, number).value = slot.restarts
        told = [snapshot for slot in self._slots for snapshot in slot.snapshots()]
        return merged([registry.snapshot(), *told])

    def _is_any_ready(self) -> bool:
        return any(slot.is_ready for slot in self._slots)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._signals.append(number)

    def _supervise(self) -> None:
        said, end = False, None
        while True:
            while self._signals:
                number = self._signals.pop(0)
                if number == signal.SIGHUP:
                    self._tell_all(number)
                elif end is None:
                    end = time.monotonic() + self._seconds_to_stop()
                    self._tell_all(signal.SIGTERM)
            for slot in self._slots:
                if slot.look(restart=end is None) and end is None:
                    if not said and not self._is_any_ready():
                        raise NotReadyError("a worker ended before it was ready; see above")
                    slot.restarts += 1
                    logger.error(
                        "worker %d ended with status %s and is replaced", slot.index, slot.status
                    )
            if not said and all(slot.is_ready for slot in self._slots):
                said = True
                self._ready(self._address)
            if end is not None and (
                all(slot.pid is None for slot in self._slots) or time.monotonic() > end
            ):
                return
            self._wait()

    def _seconds_to_stop(self) -> float:
        return self._config.drain_delay_seconds + self._config.grace_seconds + _LATE_SECONDS

    def _tell_all(self, number: int) -> None:
        for slot in self._slots:
            slot.signal(number)

    def _wait(self) -> None:
        """Return when a worker has sent something or ended, and after a short while anyway."""
        with selectors.DefaultSelector() as selector:
            for slot in self._slots:
                if slot.link is not None:
                    selector.register(slot.link, selectors.EVENT_READ)
            selector.select(_ROUND_SECONDS)


def _make_store(config: Config) -> None:
    """Make the tables before several processes would; a file out of order is the workers' to tell.

    Raises:
        StoreError: see the stores.
    """
    for kind in (OutcomeStore, AuditStore):
        kind(config.store, must_open=False).close()
