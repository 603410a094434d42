"""Who is told when somebody else is in force or a contract falls: counters, pools, health, log."""

import threading
from collections.abc import Sequence
from functools import partial

from router.server.arm import Arm, Switch
from router.server.counted import Counted
from router.server.health import Health
from router.server.pool_watch import PoolWatch
from router.server.price_watch import PriceWatch, utc_today


class Announcer:
    """Tells of changes; from any thread. Before ``follow`` nobody is in force.

    Args:
        counted: Names who serves.
        health: Says how contracts and pools are.
    """

    def __init__(self, counted: Counted, health: Health) -> None:
        self._counted = counted
        self._health = health
        self._pools = PoolWatch(partial(health.tell, "pools"))
        self._switch: Switch | None = None
        self._prices = PriceWatch()
        self._telling = threading.Lock()
        self._swapping = threading.Lock()

    def follow(self, switch: Switch) -> None:
        """Tell of who is in force there from now on."""
        self._switch = switch

    def swapped(self) -> None:
        """Say who is in force now."""
        with self._swapping:  # of two swaps the later one must be said last
            arms = self._arms()
            self._counted.later(self._counted.serving, arms)
            self._pools.follow([arm.engine for arm in arms])
        self.tell_promise()
        self.tell_prices()

    def tell_prices(self) -> None:
        """Say in the log which prices in force are worth a warning; again on every day."""
        for arm in self._arms()[:1]:
            self._prices.look(arm.engine.catalog, utc_today())

    def tell_promise(self) -> None:
        """Say in health whether every contract of those who answer stands."""
        with self._telling:  # what was looked up last must be said last
            self._health.tell("promise", all(arm.audits.stands for arm in self._arms()))

    def close(self) -> None:
        """Look at pools no more."""
        self._pools.close()

    def _arms(self) -> Sequence[Arm]:
        return () if self._switch is None else self._switch.now.arms
