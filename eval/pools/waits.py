"""What becomes of requests with a deadline: how they are asked, when they are done, what it costs.

Which way each takes is decided by ``router.deferred``; here is what then happens. Providers take
times that are drawn from those the catalog states. Who waits for idle hours of the pool stands in
a line outside of it, whose front is let in while the pool counts as idle, or when its fall-back
point has come.
"""

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import count
from math import inf
from typing import NamedTuple

import numpy as np

from eval.deferred.provider import drawn
from eval.pools.plant import Plant
from router.cost.estimate import expected_cost_usd
from router.cost.pools.flow import Flow
from router.cost.pools.load import load_of, saturation
from router.cost.pools.pool import Pool
from router.cost.price import Price
from router.deferred.ways import CompletionTimes, Deadline, Offer, ServiceWay
from router.types import Deployment

POOL_HOURS, FALL_BACKS = "pool hours", "fall-backs"
WAYS_LATER = ("flex", "batch", POOL_HOURS)


@dataclass(frozen=True, slots=True)
class Waited:
    """What became of the requests with a deadline.

    Attributes:
        requests: That had one.
        later: Asked later than at once, by way, of ``WAYS_LATER``.
        usd: API bill of what was asked later: "flex", "batch", ``FALL_BACKS``, and ``POOL_HOURS``
            for what still stood in line at the end, at the pool's list price.
        fell_back: Asked at once in the end.
        missed: Answered too late, as far as the answer falls within the run.
        no_way: Asked at once without a deadline, since nobody could keep it.
        left: Still in line at the end.
    """

    requests: int = 0
    later: tuple[int, ...] = (0, 0, 0)
    usd: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    fell_back: int = 0
    missed: int = 0
    no_way: int = 0
    left: int = 0


class _InLine(NamedTuple):
    fall_back_at: float
    number: int
    by: float
    input_tokens: float
    output_tokens: float


class Waits:
    """Requests with a deadline, from their choice to their end.

    Args:
        plant: The pool as it is.
        pool: As stated; says when it counts as idle.
        list_price: For what still waits for the pool at the end.
        seed: Of completion times.
    """

    def __init__(self, plant: Plant, pool: Pool, list_price: Price, seed: int) -> None:
        self._plant, self._pool, self._list_price = plant, pool, list_price
        self._rng = np.random.default_rng([seed, 4])
        self._line: list[_InLine] = []
        self._numbers = count()
        self._counts: Counter[str] = Counter()
        self._later: Counter[str] = Counter()
        self._usd: defaultdict[str, float] = defaultdict(float)

    @property
    def in_line(self) -> int:
        """Requests that wait for idle hours of the pool."""
        return len(self._line)

    def no_way(self) -> None:
        """Count a deadline that nobody can keep."""
        self._counts["requests"] += 1
        self._counts["no_way"] += 1

    def at_once(self, item: Deployment, deadline: Deadline) -> None:
        """Count a request that is asked at once; what it costs is counted elsewhere."""
        self._counts["requests"] += 1
        if not item.pool:
            assert item.completion is not None  # noqa: S101  # else it is no candidate
            self._end(self._answered(item.completion.sync), deadline)

    def later(
        self,
        item: Deployment,
        offer: Offer,
        deadline: Deadline,
        input_tokens: float,
        output_tokens: float,
    ) -> None:
        """Ask in a slow way.

        Args:
            item: Who is asked.
            offer: As it was taken.
            deadline: When the answer is needed.
            input_tokens: True.
            output_tokens: True.
        """
        self._counts["requests"] += 1
        assert offer.fall_back_after_seconds is not None  # noqa: S101  # slow ways have one
        fall_back = offer.fall_back_after_seconds
        if item.pool:
            self._later[POOL_HOURS] += 1
            now = self._plant.now
            by = now + deadline.needed_within_seconds
            one = _InLine(now + fall_back, next(self._numbers), by, input_tokens, output_tokens)
            heapq.heappush(self._line, one)
            return
        is_batch, completion = offer.way is ServiceWay.BATCH, item.completion
        price = item.batch_price if is_batch else item.flex_price
        assert completion is not None  # noqa: S101  # there is an offer
        times = completion.batch if is_batch else completion.flex
        assert price is not None and times is not None and item.price is not None  # noqa: S101, PT018  # the same
        way = "batch" if is_batch else "flex"
        self._later[way] += 1
        self._usd[way] += expected_cost_usd(price, input_tokens, output_tokens)
        took = drawn(times, self._rng)
        if took > fall_back:
            self._counts["fell_back"] += 1
            self._usd[FALL_BACKS] += expected_cost_usd(item.price, input_tokens, output_tokens)
            took = min(took, fall_back + self._answered(completion.sync))
        self._end(took, deadline)

    def look(self) -> None:
        """Let those into the pool that find it idle, and those whose fall-back point has come."""
        line, plant = self._line, self._plant
        while line and (line[0].fall_back_at <= plant.now or self._is_idle()):
            one = heapq.heappop(line)
            self._counts["fell_back"] += one.fall_back_at <= plant.now
            plant.submit(one.input_tokens, one.output_tokens, one.by)

    def end(self) -> Waited:
        """Return what came of all, those still in line at the pool's list price."""
        self._usd[POOL_HOURS] = sum(
            expected_cost_usd(self._list_price, one.input_tokens, one.output_tokens)
            for one in self._line
        )
        counts = self._counts
        return Waited(
            requests=counts["requests"],
            later=tuple(self._later[way] for way in WAYS_LATER),
            usd=tuple(self._usd[key] for key in ("flex", "batch", FALL_BACKS, POOL_HOURS)),
            fell_back=counts["fell_back"],
            missed=counts["missed"] + self._plant.missed,
            no_way=counts["no_way"],
            left=len(self._line),
        )

    def _is_idle(self) -> bool:
        """Return whether the pool counts as idle now, as the router's price takes it."""
        plant, source = self._plant, self._pool.load
        assert source is not None  # noqa: S101  # every simulated pool is read
        running = replace(self._pool, replicas=plant.replicas)
        load = load_of(running, [plant.reading()], plant.now, Flow(1.0))
        return saturation(load, source, load.own, plant.now) <= source.idle_below

    def _answered(self, sync: CompletionTimes) -> float:
        """Draw when a call at once is answered; one that hangs is given up and asked again."""
        passed = 0.0
        while (took := drawn(sync, self._rng)) == inf:
            passed += sync.seconds[-1]
        return passed + took

    def _end(self, took: float, deadline: Deadline) -> None:
        self._counts["missed"] += took > deadline.needed_within_seconds
