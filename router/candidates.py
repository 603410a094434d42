"""The deployments of a catalog as candidates: what each would cost, and who may not serve.

Nothing here chooses. Prices of pools, by their load, are ``router.cost.pools``; hard constraints
``router.constraints``.
"""

import math
from collections.abc import Sequence

from router.constraints import ineligible_reasons, is_constrained
from router.cost.counting import TokenCounter
from router.cost.estimate import expected_cost_usd
from router.cost.pools.live import LivePools
from router.cost.tokens import TextKind
from router.cost.warmth import PromptCaches
from router.types import Deployment, Estimate, Goal, Prediction, Request


class Candidates:
    """Prices every deployment of a catalog. Immutable, but for what it is given to read.

    Args:
        deployments: Of the catalog, in its order.
        tier_index: For each of them, its tier's column in a prediction.
        counter: How each counts what is estimated.
        caches: Providers' prompt caches; None if no deployment has one.
        pools: Prices of deployments on pools, by live load; None if there is none.
    """

    __slots__ = ("_caches", "_counter", "_deployments", "_pools", "_tier_index")

    def __init__(
        self,
        deployments: Sequence[Deployment],
        tier_index: Sequence[int],
        counter: TokenCounter,
        caches: PromptCaches | None,
        pools: LivePools | None,
    ) -> None:
        self._deployments = deployments
        self._tier_index = tier_index
        self._counter = counter
        self._caches = caches
        self._pools = pools

    def estimates(
        self,
        request: Request,
        goal: Goal,
        prediction: Prediction,
        input_tokens: float,
        kind: TextKind | None,
    ) -> tuple[Estimate, ...]:
        """Return every deployment priced, in the catalog's order, and why it may not serve.

        Args:
            request: What is asked.
            goal: That applies to it.
            prediction: Of its messages.
            input_tokens: Of its messages, estimated or known.
            kind: Of their text; None where the tokens are known.
        """
        most = request.max_output_tokens or math.inf
        limit_usd = goal.max_cost_usd
        constrained = is_constrained(request) or limit_usd is not None
        counts = (
            None if kind is None else self._counter.counts(request.messages, input_tokens, kind)
        )
        caches = self._caches if request.session_id else None
        estimates = []
        for deployment, index in zip(self._deployments, self._tier_index, strict=True):
            can, price = deployment.capabilities, deployment.price
            if counts is not None:
                input_tokens = counts[deployment.id]
            output_tokens = min(prediction.output_tokens[index], most, can.max_output_tokens)
            cost, cache_use = math.nan, None
            if price is not None and caches is not None:
                cost, cache_use = caches.cost(
                    request.session_id, deployment.id, price, input_tokens, output_tokens
                )
            elif price is not None:
                cost = expected_cost_usd(price, input_tokens, output_tokens)
            reserved = request.max_output_tokens or output_tokens
            fits = input_tokens + reserved <= can.context_window_tokens
            ineligible = (
                ()
                if fits and (price is not None or deployment.pool) and not constrained
                else ineligible_reasons(deployment, request, limit_usd, cost, fits)
            )
            estimates.append(
                Estimate(
                    deployment,
                    prediction.adequacy[index],
                    cost,
                    input_tokens,
                    output_tokens,
                    ineligible,
                    cache_use,
                )
            )
        if self._pools is not None:
            return self._pools.priced(estimates, limit_usd, request.deadline is not None)
        return tuple(estimates)
