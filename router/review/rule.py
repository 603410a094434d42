"""The rule of a second look: accept, ask a second tier and compare, or escalate to the top tier.

Every branch has an expected quality and an expected further cost, that of what would follow it
included. With a willingness to pay the branch of greatest quality - cost / willingness is taken,
with a quality target the cheapest that reaches it: the rules of ``router.policy``, so a review and
a route cannot want different things. Pure; what is believed comes from ``router.review.beliefs``.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.review.beliefs import FirstBelief, PairBelief, SecondBelief
from router.review.heads import FloatArray
from router.types import Goal

IntArray = NDArray[np.intp]

LEAST_GAIN = 0.02
"""A plan reviews only if that is expected to be worth this share of the top tier's cost."""


class Action(IntEnum):
    """What to do next. Values equal the wire enum's."""

    ACCEPT = 1
    ASK_SECOND = 2
    ESCALATE = 3
    GIVE_UP = 4


class Ask(NamedTuple):
    """What asking a tier costs: USD for the input, USD per output token, and its token limit."""

    input_usd: float
    usd_per_token: float
    most_tokens: float

    def cost_usd(self, output_tokens: FloatArray) -> FloatArray:
        """Return the cost of (k,) output tokens in USD."""
        cost: FloatArray = (
            self.input_usd + np.clip(output_tokens, 0.0, self.most_tokens) * self.usd_per_token
        )
        return cost


class Branch(NamedTuple):
    """One thing that could be done.

    Attributes:
        action: What.
        tier: Whose answer is accepted, or who is asked.
        quality: Expected quality at the end, in [0, 1].
        cost_usd: Expected further cost until the end, USD.
        answers: Expected number of further answers until the end.
    """

    action: Action
    tier: int
    quality: float
    cost_usd: float
    answers: float


class _Options(NamedTuple):
    """Branches in k worlds: arrays (k, options)."""

    names: list[tuple[Action, int]]
    quality: FloatArray
    cost_usd: FloatArray
    answers: FloatArray


def choose(quality: FloatArray, cost_usd: FloatArray, goal: Goal) -> IntArray:
    """Return the column chosen in each row.

    Args:
        quality: (k, options) expected qualities.
        cost_usd: (k, options) expected costs, >= 0; of equally good options the first is taken.
        goal: With ``willingness_to_pay_usd`` or ``quality_target``.
    """
    if goal.willingness_to_pay_usd is not None:
        value = quality - cost_usd / goal.willingness_to_pay_usd
        return np.asarray(np.argmax(value, axis=1))
    target = 0.0 if goal.quality_target is None else goal.quality_target
    enough = quality >= target
    cheapest = np.argmin(np.where(enough, cost_usd, np.inf), axis=1)
    return np.asarray(np.where(enough.any(axis=1), cheapest, np.argmax(quality, axis=1)))


def choose_branch(branches: list[Branch], goal: Goal, wait_usd: float = 0.0) -> Branch:
    """Return the best branch; ``wait_usd`` is what waiting for one further answer costs."""
    quality = np.array([[branch.quality for branch in branches]])
    cost = np.array([[branch.cost_usd + wait_usd * branch.answers for branch in branches]])
    return branches[int(choose(quality, cost, goal)[0])]


def branches_after_first(
    belief: FirstBelief, first: int, asks: Mapping[int, Ask], top: int, goal: Goal, wait_usd: float
) -> list[Branch]:
    """Return the branches after one answer, k = 1; ``asks`` holds the tiers that may be asked."""
    options = _after_first(belief, first, asks, top, goal, wait_usd)
    return [
        Branch(action, tier, *(float(values[0, column]) for values in options[1:]))
        for column, (action, tier) in enumerate(options.names)
    ]


def branches_after_pair(
    belief: PairBelief, tiers: tuple[int, int], asks: Mapping[int, Ask], top: int
) -> list[Branch]:
    """Return the branches after two answers."""
    branches = [
        Branch(Action.ACCEPT, tier, ok, 0.0, 0.0)
        for tier, ok in zip(tiers, belief.ok[:2], strict=True)
    ]
    if top in asks:
        cost = float(asks[top].cost_usd(np.array([belief.top_output_tokens]))[0])
        branches.append(Branch(Action.ESCALATE, top, belief.ok[2], cost, 1.0))
    return branches


def planned(
    belief: FirstBelief, first: int, asks: Mapping[int, Ask], top: int, goal: Goal, wait_usd: float
) -> Branch:
    """Return what review is expected to bring after ``first``, over all worlds.

    The cost is that of what follows the first answer; its action is the likeliest next one.
    """
    options = _after_first(belief, first, asks, top, goal, wait_usd)
    chosen = choose(options.quality, options.cost_usd + wait_usd * options.answers, goal)
    rows = np.arange(len(chosen))
    action, tier = options.names[int(np.bincount(chosen).argmax())]
    means = (float(values[rows, chosen].mean()) for values in options[1:])
    return Branch(action, tier, *means)


def plain_branch(
    belief: FirstBelief, first: int, plain: int, asks: Mapping[int, Ask], top: int
) -> Branch:
    """Return what accepting tier ``plain``'s answer unseen is expected to bring, in these worlds.

    Believed with the same heads as the plan it is compared with, so that both err alike.
    """
    if plain == first:
        return Branch(Action.ACCEPT, plain, float(belief.first.mean()), 0.0, 0.0)
    if plain == top or plain not in belief.seconds:
        cost = asks[plain].cost_usd(belief.top_output_tokens).mean()
        return Branch(Action.ESCALATE, plain, float(belief.top.mean()), float(cost), 1.0)
    second = belief.seconds[plain]
    quality = second.agree * second.if_agree[:, 1] + (1 - second.agree) * second.if_differ[:, 1]
    cost = asks[plain].cost_usd(second.output_tokens).mean()
    return Branch(Action.ESCALATE, plain, float(quality.mean()), float(cost), 1.0)


def _after_first(
    belief: FirstBelief, first: int, asks: Mapping[int, Ask], top: int, goal: Goal, wait_usd: float
) -> _Options:
    worlds = len(belief.first)
    none = np.zeros(worlds)
    names = [(Action.ACCEPT, first)]
    columns = [(belief.first, none, none)]
    top_cost = asks[top].cost_usd(belief.top_output_tokens) if top in asks else None
    for tier, second in belief.seconds.items():
        if tier in asks:
            names.append((Action.ASK_SECOND, tier))
            columns.append(_ask_second(second, asks[tier], top_cost, goal, wait_usd))
    if top_cost is not None:
        names.append((Action.ESCALATE, top))
        columns.append((belief.top, top_cost, np.ones(worlds)))
    quality, cost_usd, answers = (np.column_stack(parts) for parts in zip(*columns, strict=True))
    return _Options(names, quality, cost_usd, answers)


def _ask_second(
    second: SecondBelief, ask: Ask, top_cost: FloatArray | None, goal: Goal, wait_usd: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Follow both outcomes of the comparison to their best ends."""
    quality = np.zeros(len(second.agree))
    cost = ask.cost_usd(second.output_tokens)
    answers = np.ones(len(second.agree))
    rows = np.arange(len(second.agree))
    for share, ok in ((second.agree, second.if_agree), (1 - second.agree, second.if_differ)):
        further = np.zeros_like(ok)
        if top_cost is None:
            ok = ok[:, :2]
            further = further[:, :2]
        else:
            further[:, 2] = top_cost
        more = (further > 0).astype(np.float64)
        end = choose(ok, further + wait_usd * more, goal)
        quality += share * ok[rows, end]
        cost = cost + share * further[rows, end]
        answers += share * more[rows, end]
    return quality, cost, answers
