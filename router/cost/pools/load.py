"""The load of a pool at one moment, and how full that makes it: pure.

``Load`` is what a poller publishes and a decision reads. Between two readings a router knows
nothing but what it has sent itself, so saturation is the reading moved on by that.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from router.cost.pools.engines import Reading
from router.cost.pools.flow import Flow
from router.cost.pools.pool import LoadSource, Pool

_TINY = 1e-9
_SHARPNESS = 8


class PoolState(Enum):
    """What may be sent to a pool. The value is the word shown."""

    SERVING = "serving"
    UNKNOWN = "unknown"
    DRAINING = "draining"
    DOWN = "down"
    COLD = "cold"


class Load(NamedTuple):
    """How busy a pool was at its last reading.

    Attributes:
        state: Whether it takes work.
        at: When it was read, in seconds of a clock that never goes back; -inf if never.
        waiting: Requests that waited.
        under_way: Requests being served; 0 where the engine does not tell.
        kv: Share of the KV cache in use; 0 where the engine does not tell.
        slots: Requests that may be under way at once at the stated throughput, > 0.
        replicas: Replicas that answered, > 0.
        own: What this router had under way then, by its own estimate.
        own_share: Its part of all that is under way, in (0, 1].
    """

    state: PoolState
    at: float
    waiting: float
    under_way: float
    kv: float
    slots: float
    replicas: float
    own: float = 0.0
    own_share: float = 1.0


def nothing_read(pool: Pool) -> Load:
    """Return the load of a pool before its first reading."""
    state = PoolState.DRAINING if pool.draining else PoolState.UNKNOWN
    slots = float(pool.replicas * pool.throughput.concurrency)
    return Load(state, float("-inf"), 0.0, 0.0, 0.0, slots, float(pool.replicas))


def load_of(pool: Pool, readings: Sequence[Reading], at: float, flow: Flow) -> Load:
    """Join the readings of a pool's endpoints.

    Endpoints that did not answer take their part of the replicas with them.

    Args:
        pool: The pool.
        readings: Of one or more of its endpoints.
        at: Time they are of, in seconds.
        flow: What this router has sent to the pool; it learns its share of all from the readings.
    """
    source = pool.load
    asked = len(source.urls) if source is not None else len(readings)
    replicas = pool.replicas * len(readings) / asked
    waiting = sum(one.waiting for one in readings)
    under_way = sum(one.running or 0.0 for one in readings)
    caches = [one.kv for one in readings if one.kv is not None]
    return Load(
        state=PoolState.DRAINING if pool.draining else PoolState.SERVING,
        at=at,
        waiting=waiting,
        under_way=under_way,
        kv=sum(caches) / len(caches) if caches else 0.0,
        slots=replicas * pool.throughput.concurrency,
        replicas=replicas,
        own=flow.under_way(at),
        own_share=flow.see(at, waiting + under_way),
    )


def saturation(load: Load, source: LoadSource, own: float, now: float) -> float:
    """Return how full a pool is, >= 0: 0 is empty, 1 is full, above 1 its queue grows.

    The greatest of waiting requests, KV cache and places taken, each over its limit. The reading
    is moved on by what this router has sent since, times the routers that do the same. As a
    reading ages from one interval to stale, it gives way to ``saturation_when_unknown``.

    The first two terms and their limits: llm-d's saturation detector (utilisation detector of the
    Gateway API inference extension's endpoint picker).

    Args:
        load: The last reading.
        source: Limits and ages.
        own: What this router has under way now, by its own estimate.
        now: In seconds, of the clock of ``load.at``.
    """
    age = now - load.at
    if load.state is PoolState.UNKNOWN or age >= source.stale_after_s:
        return source.saturation_when_unknown
    _, _, waiting, under_way, kv, slots, replicas, own_then, own_share = load
    taken = waiting + under_way
    # Small changes of one's own count are chance (its variance is about the counts), and dividing
    # by the share would make much of them: so they are shrunk, and large ones are not.
    since = own - own_then
    square = since * since
    since *= square / (square + own + own_then + _TINY) / own_share
    expected = max(0.0, taken + since)
    queue = waiting + since if waiting else expected - slots
    known = max(
        queue / (source.waiting_limit * replicas),
        # Cache in use follows the requests that hold it, but the reading itself is no guess.
        (kv * expected / taken if taken else kv) / source.kv_limit,
        expected / slots,
    )
    fresh = source.interval_s + source.timeout_s + source.late_s
    if age <= fresh:
        return known
    doubt = (age - fresh) / (source.stale_after_s - fresh)
    return known + (source.saturation_when_unknown - known) * doubt


def cache_weight(load: Load, source: LoadSource) -> float:
    """Return how far the KV cache, and not places, is what a pool runs out of, in [0, 1].

    A half where both are as near to their limits; nearly 0 or 1 where they are a quarter apart.
    """
    cache = (load.kv / source.kv_limit) ** _SHARPNESS
    places = ((load.waiting + load.under_way) / load.slots) ** _SHARPNESS
    return cache / (cache + places + _TINY)


class Fullness(NamedTuple):
    """How full a pool is, for metrics.

    Attributes:
        saturation: As routing takes it.
        replicas: That requests waiting and under way would fill at the stated concurrency, by the
            last reading; None before the first.
    """

    saturation: float
    replicas: float | None


def fullness_of(load: Load, pool: Pool, full: float) -> Fullness:
    """Return how full a pool is.

    Args:
        load: The last reading.
        pool: The pool.
        full: Its saturation.
    """
    known = load.state is PoolState.SERVING
    taken = (load.waiting + load.under_way) / pool.throughput.concurrency
    return Fullness(full, taken if known else None)
