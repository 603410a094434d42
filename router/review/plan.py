"""The plan: which tier to ask first, and whether a review of its answer will pay.

Made before any answer, from beliefs about the answers that could come. What to do with answers is
``router.review.look``.
"""

from collections.abc import Mapping
from typing import NamedTuple

from router.review.beliefs import FirstBelief, believe_plan
from router.review.candidates import Candidates
from router.review.heads import ReviewModel
from router.review.rule import LEAST_GAIN, plain_branch, planned
from router.types import Goal


class Plan(NamedTuple):
    """What is best done from the start.

    Attributes:
        first: Tier to ask first.
        review: Whether its answer is worth a review.
        quality: Expected quality at the end.
        cost_usd: Expected total cost, the first answer's included.
        answers: Expected number of answers asked for, one after another.
        plain_quality: The same if the decided tier's answer is taken unseen.
        plain_cost_usd: Its cost.
    """

    first: int
    review: bool
    quality: float
    cost_usd: float
    answers: float
    plain_quality: float
    plain_cost_usd: float


def foresee(model: ReviewModel | None, candidates: Candidates) -> dict[int, FirstBelief]:
    """Return what is believed before any answer, by the tier that could be asked first."""
    if model is None or candidates.top not in candidates.cheapest:
        return {}
    return {
        first: believe_plan(model, candidates.prompt, first)
        for first in model.firsts
        if first in candidates.cheapest
    }


def plan(
    beliefs: Mapping[int, FirstBelief],
    candidates: Candidates,
    plain: int,
    goal: Goal,
    wait_usd: float = 0.0,
) -> Plan:
    """Say which tier to ask first and whether a review of its answer pays.

    Args:
        beliefs: See ``foresee``; empty: no review.
        candidates: What was decided on the prompt.
        plain: Tier chosen without a review.
        goal: With a quality target or a willingness to pay.
        wait_usd: What waiting for one further answer costs the caller, >= 0.
    """
    plain_cost = candidates.cheapest[plain].expected_cost_usd
    adequacy = candidates.adequacy[plain]
    best = Plan(plain, False, adequacy, plain_cost, 1.0, adequacy, plain_cost)
    if not beliefs:
        return best
    least = LEAST_GAIN * candidates.cheapest[candidates.top].expected_cost_usd
    most = 0.0
    for first, belief in beliefs.items():
        own_cost = candidates.cheapest[first].expected_cost_usd
        asks = candidates.asks(without=(first,))
        ahead = planned(belief, first, asks, candidates.top, goal, wait_usd)
        unseen = plain_branch(belief, first, plain, asks, candidates.top)
        total = ahead.cost_usd + own_cost
        unseen_total = unseen.cost_usd if plain != first else own_cost
        gain = _gain(
            ahead.quality,
            total + wait_usd * ahead.answers,
            unseen.quality,
            unseen_total,
            least,
            goal,
        )
        if gain > most:
            most = gain
            best = Plan(
                first, True, ahead.quality, total, 1.0 + ahead.answers, unseen.quality, unseen_total
            )
    return best


def _gain(
    quality: float,
    cost_usd: float,
    plain_quality: float,
    plain_cost_usd: float,
    least_usd: float,
    goal: Goal,
) -> float:
    """Return what a review gains in USD beyond the least that counts; not above 0: no gain."""
    saved = plain_cost_usd - cost_usd - least_usd
    if goal.willingness_to_pay_usd is not None:
        return saved + (quality - plain_quality) * goal.willingness_to_pay_usd
    target = goal.quality_target or 0.0
    if quality >= min(target, plain_quality):
        # Dearer pays only where the plain choice misses the target and the review reaches it.
        return saved if plain_quality >= target or quality < target else max(saved, 1e-12)
    return 0.0
