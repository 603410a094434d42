"""What a pool costs on average: per hour, per token, and the line of what stood idle.

For reports, chargeback and break-even; routing uses ``shadow``.
"""

from typing import NamedTuple

from router.cost.pools.pool import HOURS_PER_MONTH, Pool

_SECONDS_PER_HOUR = 3600.0


def usd_per_hour(pool: Pool) -> float:
    """Return what the whole pool costs in an hour, busy or not, in USD."""
    gpus = pool.replicas * pool.gpus_per_replica
    return (
        gpus * pool.usd_per_gpu_hour * (1.0 - pool.discount)
        + pool.host_usd_per_hour
        + pool.operations_usd_per_month / HOURS_PER_MONTH
    )


def replica_seconds(pool: Pool, input_tokens: float, output_tokens: float) -> float:
    """Return the work of a request: seconds one whole replica at load would take for it."""
    rate = pool.throughput
    return input_tokens / rate.prefill_tokens_per_s + output_tokens / rate.decode_tokens_per_s


def average_usd(
    pool: Pool, input_tokens: float, output_tokens: float, utilisation: float | None = None
) -> float:
    """Return the average cost of a request in USD: its work, and its part of what stands idle.

    Args:
        pool: The pool.
        input_tokens: Of the request, >= 0.
        output_tokens: Of the request, >= 0.
        utilisation: Share of its throughput the pool serves, in (0, 1]; the planned one by default.
    """
    per_second = average_usd_per_s(pool, utilisation)
    return replica_seconds(pool, input_tokens, output_tokens) * per_second


def average_usd_per_s(pool: Pool, utilisation: float | None = None) -> float:
    """Return the average cost of a second of a replica's work in USD; as ``average_usd``."""
    share = pool.planned_utilisation if utilisation is None else utilisation
    return replica_usd_per_s(pool) / share


def replica_usd_per_s(pool: Pool) -> float:
    """Return what one replica costs in a second, busy or not, in USD."""
    return usd_per_hour(pool) / pool.replicas / _SECONDS_PER_HOUR


class Bill(NamedTuple):
    """What a pool cost over some hours, in USD: work that was served, and what stood idle."""

    allocated_usd: float
    idle_usd: float

    @property
    def utilisation(self) -> float:
        """Share that was allocated, in [0, 1]; 0 of a pool that cost nothing."""
        paid = self.allocated_usd + self.idle_usd
        return self.allocated_usd / paid if paid else 0.0


def bill(pool: Pool, hours: float, input_tokens: float, output_tokens: float) -> Bill:
    """Split what a pool cost into work and idle time; the two add up to what was paid.

    Work above the stated throughput is no credit: then all of it is allocated.

    Args:
        pool: The pool.
        hours: That were paid, > 0.
        input_tokens: Served in them.
        output_tokens: Served in them.
    """
    paid = usd_per_hour(pool) * hours
    allocated = min(average_usd(pool, input_tokens, output_tokens, 1.0), paid)
    return Bill(allocated, paid - allocated)


def cold_start_usd(pool: Pool) -> float:
    """Return what waking one replica costs in USD: its start, its hold, and the caller's wait.

    0 for a pool that is never scaled to zero.
    """
    cold = pool.cold_start
    if cold is None:
        return 0.0
    per_second = replica_usd_per_s(pool)
    waiting = cold.seconds * cold.wait_usd_per_hour / _SECONDS_PER_HOUR
    return (cold.seconds + cold.hold_seconds) * per_second + waiting
