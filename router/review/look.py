"""A second look, from a decision's candidates and the answers so far to the next action; the plan.

Here beliefs, prices and the rule come together, and answers that nothing was learnt about are told
from those a review can judge. An answer that was cut off, is empty or refused is never accepted.
Knows no gRPC and stores nothing.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from router.review.beliefs import (
    FirstBelief,
    PairBelief,
    believe_first,
    believe_pair,
    believe_plan,
)
from router.review.compare import Agreement, compare
from router.review.digest import Digest
from router.review.final import Kind
from router.review.heads import FloatArray, ReviewModel, prompt_rows
from router.review.rule import (
    LEAST_GAIN,
    Action,
    Ask,
    Branch,
    branches_after_first,
    branches_after_pair,
    choose_branch,
    plain_branch,
    planned,
)
from router.types import Estimate, Goal

Memo = dict[tuple[int, ...], FirstBelief | PairBelief]

_TOKENS_PER_PRICE_UNIT = 1_000_000.0


class Finish(IntEnum):
    """How an answer ended. Values equal the wire enum's."""

    STOP = 1
    LENGTH = 2
    REFUSAL = 3
    TOOL_CALLS = 4
    ERROR = 5


class Why(IntEnum):
    """What an action rests on. Values equal the wire enum's."""

    ONE_ANSWER = 1
    ANSWERS_AGREE = 2
    ANSWERS_DIFFER = 3
    CANNOT_COMPARE = 4
    NOT_LEARNT = 5
    TOP_ANSWERED = 6
    TRUNCATED = 7
    EMPTY = 8
    REFUSED = 9
    FAILED = 10


class GivenAnswer(NamedTuple):
    """An answer that came back: from which tier, how it ended, and its digest."""

    tier: int
    finish: Finish
    digest: Digest


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


class Outcome(NamedTuple):
    """What a review says.

    Attributes:
        branch: The one to take.
        why: What it rests on.
        branches: Every one looked at.
        agreement: Of the last two usable answers; None if there are not two.
    """

    branch: Branch
    why: Why
    branches: tuple[Branch, ...]
    agreement: Agreement | None = None


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


def look(
    model: ReviewModel | None,
    candidates: Candidates,
    answers: Sequence[GivenAnswer],
    goal: Goal,
    wait_usd: float = 0.0,
    memo: Memo | None = None,
) -> Outcome:
    """Say what to do with the answers so far.

    Args:
        model: What was learnt; None: every answer is judged by the prompt alone.
        candidates: What was decided on the prompt.
        answers: At least one, in the order they came.
        goal: With a quality target or a willingness to pay.
        wait_usd: What waiting for one further answer costs the caller, >= 0.
        memo: Beliefs about this prompt's answers, by the tiers that gave them; read and filled, so
            that several goals cost one reading.
    """
    memo = {} if memo is None else memo
    asks = candidates.asks(without=[answer.tier for answer in answers])
    usable = [answer for answer in answers if _fault(answer) is None]
    if not usable:
        return _none_usable(candidates, answers[-1], asks, goal, wait_usd)
    outcome = _look_at(model, candidates, usable, asks, goal, wait_usd, memo)
    if len(usable) < 2:
        return outcome
    return outcome._replace(agreement=compare(usable[-2].digest, usable[-1].digest))


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


def _none_usable(
    candidates: Candidates,
    last: GivenAnswer,
    asks: Mapping[int, Ask],
    goal: Goal,
    wait_usd: float,
) -> Outcome:
    why = _fault(last) or Why.FAILED
    branches = _others(candidates, asks, answered=None)
    if not branches:
        branches = [Branch(Action.GIVE_UP, last.tier, 0.0, 0.0, 0.0)]
    return _outcome(branches, why, goal, wait_usd)


def _look_at(
    model: ReviewModel | None,
    candidates: Candidates,
    usable: Sequence[GivenAnswer],
    asks: Mapping[int, Ask],
    goal: Goal,
    wait_usd: float,
    memo: Memo,
) -> Outcome:
    top = [answer for answer in usable if answer.tier == candidates.top]
    if top:
        accept = Branch(
            Action.ACCEPT, candidates.top, candidates.adequacy[candidates.top], 0.0, 0.0
        )
        return Outcome(accept, Why.TOP_ANSWERED, (accept,))
    if model is None or any(answer.digest.kind not in model.kinds for answer in usable):
        branches = [
            Branch(Action.ACCEPT, answer.tier, candidates.adequacy[answer.tier], 0.0, 0.0)
            for answer in usable
        ]
        branches += _others(candidates, asks, answered=usable[-1].tier)
        return _outcome(branches, Why.NOT_LEARNT, goal, wait_usd)
    if len(usable) == 1:
        return _after_one(model, candidates, usable[0], asks, goal, wait_usd, memo)
    return _after_two(model, candidates, usable[-2:], asks, goal, wait_usd, memo)


def _after_one(
    model: ReviewModel,
    candidates: Candidates,
    answer: GivenAnswer,
    asks: Mapping[int, Ask],
    goal: Goal,
    wait_usd: float,
    memo: Memo,
) -> Outcome:
    belief = memo.get((answer.tier,))
    if not isinstance(belief, FirstBelief):
        features = np.array([answer.digest.features])
        belief = believe_first(model, candidates.prompt, answer.tier, features)
        memo[(answer.tier,)] = belief
    branches = branches_after_first(belief, answer.tier, asks, candidates.top, goal, wait_usd)
    return _outcome(branches, Why.ONE_ANSWER, goal, wait_usd)


def _after_two(
    model: ReviewModel,
    candidates: Candidates,
    answers: Sequence[GivenAnswer],
    asks: Mapping[int, Ask],
    goal: Goal,
    wait_usd: float,
    memo: Memo,
) -> Outcome:
    first, second = answers
    said = compare(first.digest, second.digest)
    if said is Agreement.CANNOT_TELL or first.tier == second.tier:
        known = _after_one(model, candidates, second, asks, goal, wait_usd, memo)
        return known._replace(why=Why.CANNOT_COMPARE)
    tiers = (first.tier, second.tier)
    pair = memo.get(tiers)
    if not isinstance(pair, PairBelief):
        features = (np.array(first.digest.features), np.array(second.digest.features))
        agree = said is Agreement.AGREE
        pair = memo[tiers] = believe_pair(model, candidates.prompt, tiers, features, agree)
    branches = branches_after_pair(pair, tiers, asks, candidates.top)
    why = Why.ANSWERS_AGREE if said is Agreement.AGREE else Why.ANSWERS_DIFFER
    return _outcome(branches, why, goal, wait_usd)


def _outcome(branches: list[Branch], why: Why, goal: Goal, wait_usd: float) -> Outcome:
    return Outcome(choose_branch(branches, goal, wait_usd), why, tuple(branches))


def _others(candidates: Candidates, asks: Mapping[int, Ask], answered: int | None) -> list[Branch]:
    """Return asking each other tier, by the prompt alone; only better ones, if one answered."""
    return [
        Branch(
            Action.ESCALATE,
            tier,
            candidates.adequacy[tier],
            candidates.cheapest[tier].expected_cost_usd,
            1.0,
        )
        for tier in sorted(asks)
        if answered is None or tier > answered
    ]


def _fault(answer: GivenAnswer) -> Why | None:
    """Say why an answer can never be accepted; None if it can."""
    if answer.finish is Finish.LENGTH:
        return Why.TRUNCATED
    if answer.finish is Finish.ERROR:
        return Why.FAILED
    if answer.finish is Finish.REFUSAL or answer.digest.refused:
        return Why.REFUSED
    if answer.digest.kind is Kind.EMPTY and answer.finish is not Finish.TOOL_CALLS:
        return Why.EMPTY
    return None


def _ask(estimate: Estimate) -> Ask:
    price = estimate.deployment.price
    if price is None:
        raise ValueError(f"{estimate.deployment.id} is eligible and has no price")
    limit = estimate.deployment.capabilities.max_output_tokens
    return Ask(
        estimate.input_tokens * price.input_usd_per_mtok / _TOKENS_PER_PRICE_UNIT,
        price.output_usd_per_mtok / _TOKENS_PER_PRICE_UNIT,
        float(limit),
    )
