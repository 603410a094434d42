"""Whether a pool pays over traffic that is predicted adequate on it: closed form over a log.

The work of those requests, and what they would cost elsewhere, are sums over the log; the pool's
cost is by the hour. All of it is linear in the traffic, so there is one break-even, as in
``router.cost.pools.break_even`` for one mix of tokens.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray
from eval.bootstrap import Interval, percentile_interval
from eval.pools.market import Market
from eval.pools.traffic import Traffic
from router.cost.estimate import expected_cost_usd
from router.cost.pools.average import usd_per_hour
from router.cost.pools.pool import HOURS_PER_MONTH, Pool
from router.types import Deployment

_DRAWS = 400
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Paying:
    """A pool against the APIs, over the requests that it could take.

    Attributes:
        share: Of all requests, those it could take: its model predicted adequate, and somebody else
            to compare with.
        api_usd_per_month: What they cost elsewhere, at the log's traffic.
        pool_usd_per_month: What the pool costs, busy or not.
        load: Share of the pool's throughput they need.
        break_even: Share of its throughput from which the pool is cheaper; above 1 it never is.
    """

    share: float
    api_usd_per_month: float
    pool_usd_per_month: float
    load: float
    break_even: Interval

    @property
    def traffic_factor(self) -> float:
        """So many times the log's traffic is the break-even."""
        return self.break_even.value / self.load if self.load else float("inf")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The requests a pool could take, each array (m,).

    Attributes:
        share: Of all requests.
        input_tokens: Of each.
        output_tokens: On the pool's tier.
        usd: Of the cheapest adequate deployment that is paid by use.
        hours: The log lasts.
    """

    share: float
    input_tokens: FloatArray
    output_tokens: FloatArray
    usd: FloatArray
    hours: float


def elsewhere(
    market: Market,
    traffic: Traffic,
    quality_target: float,
    *,
    only: Deployment | None = None,
    adequacy_lost: float = 0.0,
) -> Elsewhere:
    """Return the requests for which the pool's tier is predicted adequate, and their other cost.

    Args:
        market: Who may serve.
        traffic: A log.
        quality_target: Least adequacy of the pool, and of whom it is compared with.
        only: Compare with this deployment whatever its adequacy; None: with the cheapest that
            reaches the target.
        adequacy_lost: Taken off the pool's adequacy, of a model that is quantised further.
    """
    own = market.tiers[market.own_at]
    allowed = traffic.allowed
    fits: BoolArray = traffic.adequacy[:, own] - adequacy_lost >= quality_target - _ROUNDING
    if allowed is not None:
        fits &= allowed[:, own]
    usd = np.full(traffic.at.size, np.inf)
    for item, tier in zip(market.deployments, market.tiers, strict=True):
        if item.pool or item.price is None or (only is not None and item is not only):
            continue
        cost = np.array(
            [
                expected_cost_usd(item.price, tokens_in, tokens_out)
                for tokens_in, tokens_out in zip(
                    traffic.input_tokens.tolist(),
                    traffic.output_tokens[:, tier].tolist(),
                    strict=True,
                )
            ]
        )
        serves = np.ones(traffic.at.size, dtype=np.bool_)
        if only is None:
            serves = traffic.adequacy[:, tier] >= quality_target
            if allowed is not None:
                serves &= allowed[:, tier]
        usd = np.minimum(usd, np.where(serves, cost, np.inf))
    fits &= np.isfinite(usd)
    return Elsewhere(
        float(fits.mean()),
        traffic.input_tokens[fits],
        traffic.output_tokens[fits, own],
        usd[fits],
        traffic.seconds / 3600.0,
    )


def paying(pool: Pool, of: Elsewhere, seed: int = 0) -> Paying:
    """Return what a pool comes to against the APIs.

    Args:
        pool: Its whole cost counts, whatever it serves.
        of: The requests it could take.
        seed: Of the interval, over requests.
    """
    rate, hourly = pool.throughput, usd_per_hour(pool)
    work = of.input_tokens / rate.prefill_tokens_per_s + of.output_tokens / rate.decode_tokens_per_s
    rng = np.random.default_rng(seed)
    draws = np.array(
        [
            _break_even(hourly, pool.replicas, float(of.usd @ weights), float(work @ weights))
            for weights in (rng.poisson(1.0, work.size) for _ in range(_DRAWS))
        ]
    )
    point = _break_even(hourly, pool.replicas, of.usd.sum(), work.sum())
    return Paying(
        share=of.share,
        api_usd_per_month=float(of.usd.sum()) / of.hours * HOURS_PER_MONTH,
        pool_usd_per_month=hourly * HOURS_PER_MONTH,
        load=float(work.sum()) / (of.hours * 3600.0 * pool.replicas),
        break_even=percentile_interval(point, draws),
    )


def _break_even(hourly: float, replicas: int, usd: float, work_s: float) -> float:
    """Return the share of throughput at which an hour of the pool serves what it costs."""
    if usd <= 0.0:
        return float("inf")
    return float(hourly / (replicas * 3600.0 * usd / work_s))
