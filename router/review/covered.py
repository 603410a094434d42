"""A second look under a contract: only answers are kept that the contract covers anyway.

A contract that covers *any* permitted tier counts a request as lost if one of them would have lost
it, and the top tier loses nothing. So a review that keeps the answer of a permitted tier, or the
top tier's, loses no request that is not counted already, whatever it looks at: it needs no
calibration of its own. A permitted tier's answer is kept while, with the answer known, its regret
is still within the contract's threshold; else the top tier is asked, which can only undo losses.
Pure.
"""

from collections.abc import Sequence
from typing import NamedTuple

from router.promise.contract import ContractTerms
from router.promise.rule import permitted_tiers
from router.review.rule import Action, Branch


class Covered(NamedTuple):
    """What a contract covers for one prompt.

    Attributes:
        tiers: Per tier, whether the contract holds when its answer is kept; the top tier's does.
        threshold: Greatest regret, in [-1, 1]; None = only the top tier's answer is kept.
    """

    tiers: tuple[bool, ...]
    threshold: float | None


def covered_by(terms: ContractTerms, adequacy: Sequence[float]) -> Covered:
    """Return what terms cover for a prompt of some adequacy per tier, lowest tier first."""
    permitted = permitted_tiers(adequacy, terms.threshold)
    if terms.covers == "lowest":
        lowest, top = permitted.index(True), len(permitted) - 1
        permitted = tuple(tier in (lowest, top) for tier in range(len(permitted)))
    return Covered(permitted, terms.threshold)


def choose_covered(branches: Sequence[Branch], covered: Covered) -> Branch:
    """Return the branch to take under a contract.

    Args:
        branches: At least one; expected qualities with all answers so far known.
        covered: What the contract covers. If nothing of it is left, for example because the top
            tier may not serve, the branch of greatest quality is taken.
    """
    top = len(covered.tiers) - 1
    asks = {one.tier: one for one in branches if one.action is Action.ESCALATE}
    answers = [one for one in branches if one.action is Action.ACCEPT]
    best = asks[top].quality if top in asks else 0.0
    kept = [
        one
        for one in answers
        if covered.tiers[one.tier]
        and (
            one.tier == top or covered.threshold is None or best - one.quality <= covered.threshold
        )
    ]
    if kept:
        return max(kept, key=lambda one: one.quality)
    if answers and top in asks:
        return asks[top]
    further = [one for tier, one in asks.items() if covered.tiers[tier]]
    if further:
        return min(further, key=lambda one: one.cost_usd)
    return max(branches, key=lambda one: one.quality)
