"""A second look, from a decision's candidates and the answers so far to the next action.

Here beliefs, prices and the rule come together, and answers that nothing was learnt about are told
from those a review can judge. An answer that was cut off, is empty or refused is never accepted.
Under a contract another rule chooses: ``router.review.covered``. Knows no gRPC and stores nothing.
What to do before any answer is ``router.review.plan``.
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
)
from router.review.candidates import Candidates
from router.review.compare import Agreement, compare
from router.review.covered import Covered, choose_covered
from router.review.digest import Digest
from router.review.final import Kind
from router.review.heads import ReviewModel
from router.review.rule import (
    Action,
    Ask,
    Branch,
    branches_after_first,
    branches_after_pair,
    choose_branch,
)
from router.types import Goal

Memo = dict[tuple[int, ...], FirstBelief | PairBelief]


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


class _Wish(NamedTuple):
    """What decides among branches."""

    goal: Goal
    wait_usd: float
    covered: Covered | None


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


def look(
    model: ReviewModel | None,
    candidates: Candidates,
    answers: Sequence[GivenAnswer],
    goal: Goal,
    wait_usd: float = 0.0,
    memo: Memo | None = None,
    covered: Covered | None = None,
) -> Outcome:
    """Say what to do with the answers so far.

    Args:
        model: What was learnt; None: every answer is judged by the prompt alone.
        candidates: What was decided on the prompt.
        answers: At least one, in the order they came.
        goal: With a quality target, a willingness to pay or a contract.
        wait_usd: What waiting for one further answer costs the caller, >= 0; under a contract it
            has no part.
        memo: Beliefs about this prompt's answers, by the tiers that gave them; read and filled, so
            that several goals cost one reading.
        covered: What the contract covers, if the goal is one.
    """
    wish = _Wish(goal, wait_usd, covered)
    memo = {} if memo is None else memo
    asks = candidates.asks(without=[answer.tier for answer in answers])
    usable = [answer for answer in answers if _fault(answer) is None]
    if not usable:
        return _none_usable(candidates, answers[-1], asks, wish)
    outcome = _look_at(model, candidates, usable, asks, wish, memo)
    if len(usable) < 2:
        return outcome
    return outcome._replace(agreement=compare(usable[-2].digest, usable[-1].digest))


def _none_usable(
    candidates: Candidates,
    last: GivenAnswer,
    asks: Mapping[int, Ask],
    wish: _Wish,
) -> Outcome:
    why = _fault(last) or Why.FAILED
    branches = _others(candidates, asks, answered=None)
    if not branches:
        branches = [Branch(Action.GIVE_UP, last.tier, 0.0, 0.0, 0.0)]
    return _outcome(branches, why, wish)


def _look_at(
    model: ReviewModel | None,
    candidates: Candidates,
    usable: Sequence[GivenAnswer],
    asks: Mapping[int, Ask],
    wish: _Wish,
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
        return _outcome(branches, Why.NOT_LEARNT, wish)
    if len(usable) == 1:
        return _after_one(model, candidates, usable[0], asks, wish, memo)
    return _after_two(model, candidates, usable[-2:], asks, wish, memo)


def _after_one(
    model: ReviewModel,
    candidates: Candidates,
    answer: GivenAnswer,
    asks: Mapping[int, Ask],
    wish: _Wish,
    memo: Memo,
) -> Outcome:
    belief = memo.get((answer.tier,))
    if not isinstance(belief, FirstBelief):
        features = np.array([answer.digest.features])
        belief = believe_first(model, candidates.prompt, answer.tier, features)
        memo[(answer.tier,)] = belief
    branches = branches_after_first(
        belief, answer.tier, asks, candidates.top, wish.goal, wish.wait_usd
    )
    return _outcome(branches, Why.ONE_ANSWER, wish)


def _after_two(
    model: ReviewModel,
    candidates: Candidates,
    answers: Sequence[GivenAnswer],
    asks: Mapping[int, Ask],
    wish: _Wish,
    memo: Memo,
) -> Outcome:
    first, second = answers
    said = compare(first.digest, second.digest)
    if said is Agreement.CANNOT_TELL or first.tier == second.tier:
        known = _after_one(model, candidates, second, asks, wish, memo)
        return known._replace(why=Why.CANNOT_COMPARE)
    tiers = (first.tier, second.tier)
    pair = memo.get(tiers)
    if not isinstance(pair, PairBelief):
        features = (np.array(first.digest.features), np.array(second.digest.features))
        agree = said is Agreement.AGREE
        pair = memo[tiers] = believe_pair(model, candidates.prompt, tiers, features, agree)
    branches = branches_after_pair(pair, tiers, asks, candidates.top)
    why = Why.ANSWERS_AGREE if said is Agreement.AGREE else Why.ANSWERS_DIFFER
    return _outcome(branches, why, wish)


def _outcome(branches: list[Branch], why: Why, wish: _Wish) -> Outcome:
    if wish.covered is None:
        return Outcome(choose_branch(branches, wish.goal, wish.wait_usd), why, tuple(branches))
    # A contract states no price of quality that what follows a comparison could be weighed by.
    known = [branch for branch in branches if branch.action is not Action.ASK_SECOND]
    return Outcome(choose_covered(known, wish.covered), why, tuple(known))


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
