"""Many runs: every way to price the pool over every scenario, and how sure the differences are.

All ways meet the same traffic, so differences are paired by seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.arrays import FloatArray
from eval.bootstrap import Interval, percentile_interval, resample_weights
from eval.pools.foresight import least_api_usd
from eval.pools.plant import PlantSpec
from eval.pools.routers import WAYS, Way
from eval.pools.run import Run, Setting
from eval.pools.simulate import simulate
from eval.pools.traffic import SCENARIOS, Scenario, Traffic, draw
from router.cost.pools.pool import LoadSource

_DRAWS = 2000
_CONCURRENCY = 64
_SOURCE = LoadSource("vllm", ("http://simulated/metrics",), interval_s=30.0, stale_after_s=120.0)
WARM_UP_S = 600.0


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Something that is otherwise than the router takes it to be, or than in the other tables.

    Attributes:
        words: What.
        optimism: Stated over true throughput.
        changes: Of the setting.
        is_told: Whether the catalog says how late readings come.
    """

    words: str
    optimism: float
    changes: dict[str, float]
    is_told: bool = True


WHAT_IFS = (
    WhatIf("as in the tables above", 1.0, {}),
    WhatIf("readings every 5 s", 1.0, {"interval_s": 5.0}),
    WhatIf("readings 30 s old when they come", 1.0, {"late_s": 30.0}),
    WhatIf("the same, and the pool not told", 1.0, {"late_s": 30.0}, is_told=False),
    WhatIf("one router instead of eight", 1.0, {"routers": 1}),
    WhatIf("throughput stated at 1.5 of the truth", 1.5, {}),
    WhatIf("throughput stated at 0.67 of the truth", 0.67, {}),
)


def setting(optimism: float = 1.0) -> Setting:
    """Return the setting of the study, with the throughput stated so many times too high."""
    spec = PlantSpec()
    return Setting(spec.stated(_CONCURRENCY, optimism, _SOURCE), spec)


def scenario(name: str) -> Scenario:
    """Return a scenario by its name."""
    return next(one for one in SCENARIOS if one.name == name)


def way(name: str) -> Way:
    """Return a way to price the pool by its name."""
    return next(one for one in WAYS if one.name == name)


def runs(of: Scenario, by: Way, how: Setting, seeds: Sequence[int]) -> list[Run]:
    """Run one way over a scenario, once for each seed."""
    return [simulate(by, _traffic(of, how.routers, seed), how, seed) for seed in seeds]


def foreseen(of: Scenario, seeds: Sequence[int]) -> FloatArray:
    """Return (seeds,) the API bills that no router can go below, of the plain setting."""
    how = setting()
    return np.array([least_api_usd(_traffic(of, how.routers, one), how.spec) for one in seeds])


def mean(found: Sequence[Run], figure: Callable[[Run], float]) -> Interval:
    """Return the mean of a figure over runs, with an interval over seeds."""
    return _interval(np.array([figure(one) for one in found]))


def saving(ours: Sequence[Run], theirs: Sequence[Run]) -> Interval:
    """Return how much cheaper we are over all runs, as a share of their cost, paired by seed."""
    a = np.array([one.total_usd for one in ours])
    b = np.array([one.total_usd for one in theirs])
    weights = _weights(a.size)
    return percentile_interval(float(1.0 - a.sum() / b.sum()), 1.0 - (weights @ a) / (weights @ b))


def longer(ours: Sequence[Run], theirs: Sequence[Run]) -> Interval:
    """Return by how many seconds our 95th percentile of waiting is longer, paired by seed."""
    pairs = zip(ours, theirs, strict=True)
    return _interval(np.array([a.p95_delay_s - b.p95_delay_s for a, b in pairs]))


def amplitude(found: Sequence[Run]) -> Interval:
    """Return half the way from the 5th to the 95th percentile of how full the pool is.

    After a warm-up of ten minutes, in places of the stated concurrency; the mean over seeds.
    """
    return _interval(np.array([_swing(one) for one in found]))


def what_if(one: WhatIf) -> Setting:
    """Return the setting in which something is otherwise."""
    how = replace(setting(one.optimism), **one.changes)  # type: ignore[arg-type]  # by its keys
    if not one.is_told or not how.late_s:
        return how
    told = replace(_SOURCE, late_s=how.late_s)
    return replace(how, pool=replace(how.pool, load=told))


def _traffic(of: Scenario, routers: int, seed: int) -> Traffic:
    true = setting().pool
    return draw(of, true.replicas * true.throughput.decode_tokens_per_s, routers, seed)


def _swing(run: Run) -> float:
    low, high = np.quantile(run.filled[run.at >= WARM_UP_S], (0.05, 0.95))
    return float(high - low) / 2


def _interval(values: FloatArray) -> Interval:
    return percentile_interval(float(values.mean()), _weights(values.size) @ values)


def _weights(n: int) -> FloatArray:
    return resample_weights(np.arange(n).astype(str), _DRAWS, 0)
