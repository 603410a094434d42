"""The loads of the pools of whoever is in force: read while an engine decides, and no longer.

A reload brings an engine with pools of its own, a rollback brings an old one back; here reading is
begun and ended to match, and health is told whether every load is known.
"""

import threading
from collections.abc import Callable, Sequence
from functools import partial

from router.cost.pools.live import LivePools
from router.engine import Engine


class PoolWatch:
    """Keeps the loads of pools read. Safe from several threads.

    Args:
        tell: Told whether the load of every pool in force is known; from any thread. Not told
            before the first pool.
    """

    def __init__(self, tell: Callable[[bool], None]) -> None:
        self._tell = tell
        self._changing = threading.Lock()
        self._followed: list[LivePools] = []
        self._unknown: set[LivePools] = set()

    def follow(self, engines: Sequence[Engine]) -> None:
        """Read the loads for these engines from now on, and for no others; waits for their end."""
        wanted = [engine.pools for engine in engines if engine.pools is not None]
        with self._changing:
            ended = [pools for pools in self._followed if pools not in wanted]
            begun = [pools for pools in wanted if pools not in self._followed]
            self._followed = wanted
        for pools in ended:
            pools.close()
            self._noted(pools, True)
        for pools in begun:
            pools.start(partial(self._noted, pools))

    def close(self) -> None:
        """Read no more."""
        self.follow([])

    def _noted(self, pools: LivePools, known: bool) -> None:
        (self._unknown.discard if known else self._unknown.add)(pools)
        self._tell(not self._unknown)
