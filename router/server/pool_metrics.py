"""Loads of pools and what flows off them as metrics, for dashboards and autoscalers."""

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from router.cost.pools.live import LivePools
from router.cost.pools.spills import Spilled
from router.metrics import families
from router.metrics.registry import Registry


class PoolMetrics:
    """Tells of the pools of who is in force; spills are counted on over reloads."""

    def __init__(self) -> None:
        self._told: WeakKeyDictionary[LivePools, dict[str, Spilled]] = WeakKeyDictionary()

    def tell(self, registry: Registry, in_force: Iterable[LivePools]) -> None:
        """Set the metrics to what they are now; on the registry's thread.

        Args:
            registry: Of the server.
            in_force: The pools of every arm that answers, the main one first. Of a pool that
                several have, the first one's load is told; it is the same pool.
        """
        registry.clear(families.POOL_SATURATION)
        registry.clear(families.POOL_DEMAND)
        seen: set[str] = set()
        for pools in in_force:
            for name, fullness in pools.fullness().items():
                if name not in seen:
                    seen.add(name)
                    registry.cell(families.POOL_SATURATION, name).value = fullness.saturation
                    if fullness.replicas is not None:
                        registry.cell(families.POOL_DEMAND, name).value = fullness.replicas
            told = self._told.setdefault(pools, {})
            for name, now in pools.spills.totals.items():
                before = told.get(name, Spilled())
                registry.cell(families.SPILLS, name).value += now.requests - before.requests
                registry.cell(families.SPILLED_WORK, name).value += now.work_s - before.work_s
                told[name] = now
