"""A decision's candidates by tier, as a review sees them: adequacy and what asking costs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from router.review.heads import FloatArray, prompt_rows
from router.review.rule import Ask
from router.types import Estimate

_TOKENS_PER_PRICE_UNIT = 1_000_000.0


class Candidates(NamedTuple):
    """What was decided on a prompt, per tier.

    Attributes:
        prompt: (2 * tiers,) one row of ``router.review.heads.prompt_rows``.
        adequacy: Per tier.
        cheapest: The cheapest eligible candidate of each tier that has one.
    """

    prompt: FloatArray
    adequacy: tuple[float, ...]
    cheapest: Mapping[int, Estimate]

    @property
    def top(self) -> int:
        """The highest tier."""
        return len(self.adequacy) - 1

    def asks(self, without: Sequence[int] = ()) -> dict[int, Ask]:
        """Return what it costs to ask each tier that may be asked."""
        return {t: _ask(e) for t, e in self.cheapest.items() if t not in without}


def candidates_of(estimates: Sequence[Estimate], tier_names: Sequence[str]) -> Candidates:
    """Collect a decision's candidates by tier; every tier has at least one."""
    adequacy = [0.0] * len(tier_names)
    tokens = [0.0] * len(tier_names)
    cheapest: dict[int, Estimate] = {}
    for estimate in estimates:
        tier = tier_names.index(estimate.deployment.tier)
        adequacy[tier], tokens[tier] = estimate.adequacy, estimate.output_tokens
        known = cheapest.get(tier)
        if not estimate.ineligible and (
            known is None or estimate.expected_cost_usd < known.expected_cost_usd
        ):
            cheapest[tier] = estimate
    row = prompt_rows(np.array([adequacy]), np.array([tokens]))[0]
    return Candidates(row, tuple(adequacy), cheapest)


def _ask(estimate: Estimate) -> Ask:
    price = estimate.deployment.price
    if estimate.deployment.pool:
        return _ask_of_pool(estimate)
    if price is None:
        raise ValueError(f"{estimate.deployment.id} is eligible and has no price")
    limit = estimate.deployment.capabilities.max_output_tokens
    rates = price.rates(estimate.input_tokens)
    return Ask(
        price.usd_per_request
        + estimate.input_tokens * rates.uncached_input / _TOKENS_PER_PRICE_UNIT,
        rates.output / _TOKENS_PER_PRICE_UNIT,
        float(limit),
    )


def _ask_of_pool(estimate: Estimate) -> Ask:
    """A place on a pool is priced as a whole; its length is what may still change."""
    limit = estimate.deployment.capabilities.max_output_tokens
    tokens = max(estimate.output_tokens, 1.0)
    return Ask(0.0, estimate.expected_cost_usd / tokens, float(limit))
