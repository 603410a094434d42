"""What a turn's prompt, written to a provider's cache, is expected to save later.

A choice that looks one turn ahead takes a write that later turns would read for dearer than it is.
So the choice goes by the expected cost less this; stated costs and limits stay what is paid now.
"""

from collections.abc import Sequence

from router.types import Estimate

# A prompt is read again where the session comes back there, which it may do only because it was
# left warm: half of the learnt rate is credited (docs/prices.md, "Prompt caches").
CREDITED = 0.5


def less_later(eligible: Sequence[Estimate]) -> Sequence[Estimate]:
    """Return the candidates in their order, their expected costs less what is saved later."""
    if all(one.cache_use is None for one in eligible):
        return eligible
    return [
        one
        if one.cache_use is None
        else one._replace(expected_cost_usd=one.expected_cost_usd - one.cache_use.later_usd)
        for one in eligible
    ]


def as_priced(
    chosen: Estimate, rated: Sequence[Estimate], eligible: Sequence[Estimate]
) -> Estimate:
    """Return the candidate that was chosen among ``less_later(eligible)`` at its own cost."""
    if rated is eligible:
        return chosen
    return next(own for own, one in zip(eligible, rated, strict=True) if one is chosen)
