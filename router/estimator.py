"""The deployments of a catalog as candidates: what each would cost, and who may not serve.

Nothing here chooses. Prices of pools, by their load, are ``router.cost.pools``; hard constraints
``router.constraints``. Where there is a compiled kernel it prices requests in which no constraint
and no prompt cache plays a part.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from router.compiled import KERNEL
from router.constraints import ineligible_reasons, is_constrained
from router.cost.counting import TokenCounter
from router.cost.estimate import expected_cost_usd
from router.cost.pools.live import LivePools
from router.cost.price import Price
from router.cost.tokens import TextKind
from router.cost.warmth import PromptCaches
from router.types import Deployment, Estimate, Goal, IneligibleReason, Prediction, Request


class _Row(NamedTuple):
    """What every request asks of a deployment, looked up once.

    ``tier`` is its column in a prediction; ``has_price`` tells whether its cost can be known.
    """

    deployment: Deployment
    tier: int
    price: Price | None
    has_price: bool
    max_output_tokens: int
    context_window_tokens: int


class Estimator:
    """Prices every deployment of a catalog. Immutable, but for what it is given to read.

    Args:
        deployments: Of the catalog, in its order.
        tier_index: For each of them, its tier's column in a prediction.
        counter: How each counts what is estimated.
        caches: Providers' prompt caches; None if no deployment has one.
        pools: Prices of deployments on pools, by live load; None if there is none.

    Attributes:
        counter, caches, pools: As given.
        kernel: Prices in the compiled kernel; None without one, or with a price that is not known.
    """

    __slots__ = ("_rows", "caches", "counter", "kernel", "pools")

    def __init__(
        self,
        deployments: Sequence[Deployment],
        tier_index: Sequence[int],
        counter: TokenCounter,
        caches: PromptCaches | None,
        pools: LivePools | None,
    ) -> None:
        self._rows = [
            _Row(
                one,
                tier,
                one.price,
                one.price is not None or bool(one.pool),
                one.capabilities.max_output_tokens,
                one.capabilities.context_window_tokens,
            )
            for one, tier in zip(deployments, tier_index, strict=True)
        ]
        self.kernel = _kernel_for(self._rows)
        self.counter = counter
        self.caches = caches
        self.pools = pools

    def estimates(
        self,
        request: Request,
        goal: Goal,
        prediction: Prediction,
        input_tokens: float,
        kind: TextKind | None = None,
    ) -> tuple[Estimate, ...]:
        """Return every deployment priced, in the catalog's order, and why it may not serve.

        Args:
            request: What is asked.
            goal: That applies to it.
            prediction: Of its messages.
            input_tokens: Of its messages, estimated or known.
            kind: Of their text; None where the tokens are known.
        """
        adequacy, lengths, *_ = prediction
        most = request.max_output_tokens
        limit_usd = goal.max_cost_usd
        constrained = is_constrained(request) or limit_usd is not None
        counts = None if kind is None else self.counter.counts(request.messages, input_tokens, kind)
        caches = self.caches if request.session_id else None
        if self.kernel is not None and caches is None and not constrained:
            priced: list[Estimate] = self.kernel.estimates(adequacy, lengths, input_tokens, counts)
            if self.pools is None:
                return tuple(priced)
            return self.pools.priced(priced, limit_usd, request.deadline)
        estimates = []
        for deployment, tier, price, has_price, longest, context_window in self._rows:
            if counts is not None:
                input_tokens = counts[deployment.id]
            output_tokens = lengths[tier]
            if most and output_tokens > most:
                output_tokens = most
            if output_tokens > longest:
                output_tokens = longest
            cache_use = None
            if price is None:
                cost = math.nan
            elif caches is None:
                cost = expected_cost_usd(price, input_tokens, output_tokens)
            else:
                cost, cache_use = caches.cost(
                    request.session_id, deployment.id, price, input_tokens, output_tokens
                )
            fits = input_tokens + (most or output_tokens) <= context_window
            ineligible = (
                ()
                if fits and has_price and not constrained
                else ineligible_reasons(deployment, request, limit_usd, cost, fits)
            )
            estimates.append(
                Estimate(
                    deployment,
                    adequacy[tier],
                    cost,
                    input_tokens,
                    output_tokens,
                    ineligible,
                    cache_use,
                )
            )
        if self.pools is not None:
            return self.pools.priced(estimates, limit_usd, request.deadline)
        return tuple(estimates)


def _kernel_for(rows: Sequence[_Row]) -> Any:
    if KERNEL is None or not all(row.has_price for row in rows):
        return None
    made, too_long = partial(tuple.__new__, Estimate), IneligibleReason.CONTEXT_WINDOW
    return KERNEL.Prices(list(map(_handed, rows)), made, too_long)


def _handed(row: _Row) -> tuple[Any, ...]:
    """Return a row as the kernel takes it."""
    price = row.price
    rates = price and (
        price.input_usd_per_mtok,
        price.output_usd_per_mtok,
        price.usd_per_request,
    )
    bands = [
        (band.above_input_tokens, band.rates.uncached_input, band.rates.output)
        for band in (price.bands if price else ())
    ]
    return (
        row.deployment, row.tier, rates, bands, row.max_output_tokens, row.context_window_tokens
    )  # fmt: skip
