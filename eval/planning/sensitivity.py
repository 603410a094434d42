"""How the break-even moves when one thing is otherwise: price, operations, commitment and so on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from eval.planning.pays import Paying, elsewhere, paying
from eval.pools.market import Market
from eval.pools.traffic import Traffic
from router.cost.pools.pool import Pool, Throughput

UTILISATIONS = (0.05, 0.2, 0.4, 0.6, 0.8)
_GPU_PRICES = (0.5, 2.0)
_OPERATIONS_USD = (4000.0, 8000.0)
_DISCOUNTS = (0.4, 0.6)
# Throughput of other quantisations on the same GPUs, over what is stated. What their answers are
# worth must be measured: the last one also loses adequacy.
_THROUGHPUTS = ((0.5, 0.0), (1.3, 0.0), (2.7, 0.0), (2.7, 0.05))
_TARGETS = (-0.1, 0.1)


@dataclass(frozen=True, slots=True)
class Case:
    """One thing otherwise.

    Attributes:
        group: What is varied.
        words: How.
        found: What the pool comes to.
    """

    group: str
    words: str
    found: Paying


def cases(
    pool: Pool, market: Market, traffic: Traffic, quality_target: float, seed: int
) -> Iterator[Case]:
    """Yield the case as stated, then every other one."""
    base = elsewhere(market, traffic, quality_target)

    def of(changed: Pool) -> Paying:
        return paying(changed, base, seed)

    yield Case("as stated", f"quality target {quality_target:g}", of(pool))
    for item in market.deployments:
        if not item.pool:
            alone = elsewhere(market, traffic, quality_target, only=item)
            yield Case("it replaces", f"{item.id} alone", paying(pool, alone, seed))
    for factor in _GPU_PRICES:
        dear = pool.usd_per_gpu_hour * factor
        yield Case("GPU price", f"{dear:.2f} USD/h", of(replace(pool, usd_per_gpu_hour=dear)))
    for usd in _OPERATIONS_USD:
        changed = replace(pool, operations_usd_per_month=usd)
        yield Case("operations", f"{usd:,.0f} USD/month", of(changed))
    for share in _DISCOUNTS:
        yield Case("commitment", f"{share:.0%} off", of(replace(pool, discount=share)))
    for factor, lost in _THROUGHPUTS:
        words = f"throughput × {factor:g}" + (f", adequacy {lost:g} lower" if lost else "")
        changed = replace(pool, throughput=_times(pool.throughput, factor))
        some = elsewhere(market, traffic, quality_target, adequacy_lost=lost)
        yield Case("quantisation", words, paying(changed, some, seed))
    for step in _TARGETS:
        target = round(min(max(quality_target + step, 0.0), 1.0), 3)
        some = elsewhere(market, traffic, target)
        yield Case("quality target", f"{target:g}", paying(pool, some, seed))


def _times(rate: Throughput, factor: float) -> Throughput:
    return replace(
        rate,
        prefill_tokens_per_s=rate.prefill_tokens_per_s * factor,
        decode_tokens_per_s=rate.decode_tokens_per_s * factor,
    )
