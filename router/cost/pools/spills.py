"""Work that a pool would have got, were a place there worth less: what autoscalers should see.

A pool on a shadow price is never more than full, however much would go there. So what flows off is
counted: requests for which a deployment on the pool was eligible and at least as adequate as the
one chosen, which is paid by use. On an idle pool it would have been chosen under every rule.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from router.cost.pools.average import replica_seconds
from router.cost.pools.pool import Pool
from router.types import Estimate


class Spilled(NamedTuple):
    """What flowed off a pool since the start.

    Attributes:
        requests: How many.
        work_s: Seconds one whole replica would have taken for them.
    """

    requests: int = 0
    work_s: float = 0.0


class Spills:
    """Counts what flows off pools. No lock: two threads in the same instant may lose one of two.

    Args:
        places: Deployments on pools by their place in the catalog, each with its pool.

    Attributes:
        totals: By the pool's name.
    """

    def __init__(self, places: Iterable[tuple[int, Pool]]) -> None:
        self._places = tuple(places)
        self.totals = {pool.name: Spilled() for _, pool in self._places}

    def count(self, chosen: Estimate, estimates: Sequence[Estimate]) -> None:
        """Count a decision.

        Args:
            chosen: Of the estimates.
            estimates: Of every deployment of the catalog, in its order.
        """
        if chosen.deployment.pool:
            return
        for index, pool in self._places:
            own = estimates[index]
            if not own.ineligible and own.adequacy >= chosen.adequacy:
                requests, work_s = self.totals[pool.name]
                work_s += replica_seconds(pool, own.input_tokens, own.output_tokens)
                self.totals[pool.name] = Spilled(requests + 1, work_s)
