"""Decisions on prompts as they are and as changed: the share that flips, with intervals.

Here is the measuring; which changes there are stands in ``eval.robustness.changes``.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray, StrArray
from eval.bootstrap import Interval, percentile_interval, resample_weights, weighted_means
from eval.robustness.changes import CHANGES, Change
from router.engine import Engine
from router.errors import DataError
from router.types import Decision, Message, Request

Conversation = tuple[Message, ...]

COSTLY = 0.02
"""A flip is costly if the tier it goes to is worth this much less adequacy than the tier it leaves,
by what was predicted of the prompt as it was. Others are flips between tiers about equally good."""


@dataclass(frozen=True, slots=True)
class Flips:
    """What one kind of change does.

    Attributes:
        change: Its name.
        prompts: Prompts it changes at all; the others are left out.
        flipped: Share of them that go to another tier under the catalog's default goal.
        cheaper: Share that go to a lower tier.
        costly: Share whose flip is costly, see ``COSTLY``; None where the default goal states no
            willingness to pay, which is needed to weigh adequacy against cost.
        moved: Mean absolute change of adequacy, over prompts and tiers.
    """

    change: str
    prompts: int
    flipped: Interval
    cheaper: Interval
    costly: Interval | None
    moved: Interval


def measure(
    engine: Engine,
    conversations: Sequence[Conversation],
    groups: Sequence[str],
    *,
    seed: int = 0,
    draws: int = 1000,
    changes: Mapping[str, Change] = CHANGES,
) -> list[Flips]:
    """Route every conversation as it is and once for every change of its last user turn.

    Args:
        engine: Decides under the catalog's default goal.
        conversations: (n,) at least one.
        groups: (n,) prompts of one group are resampled together.
        seed: Of the changes' random choices and of the intervals.
        draws: Resamples.
        changes: What is tried.

    Returns:
        One entry a change that altered any prompt, then "any of these": the share of prompts that
        flip under at least one change, and the mean of their mean movements.

    Raises:
        DataError: no prompt, or one that no tier may serve.
    """
    if not conversations:
        raise DataError("no prompt to change; give at least one")
    names = np.asarray(groups, dtype=np.str_)
    weighed = engine.catalog.default_goal.willingness_to_pay_usd is not None
    tiers, adequacy, worth = _decide(engine, conversations)
    flips: list[Flips] = []
    up, down, costly = (np.zeros(len(names), bool) for _ in range(3))
    total, times = np.zeros(len(names)), np.zeros(len(names))
    for name, change in changes.items():
        changed = [
            _changed(one, change, random.Random(f"{seed}:{name}:{row}"))  # noqa: S311 - no secret
            for row, one in enumerate(conversations)
        ]
        rows = np.array([a != b for a, b in zip(changed, conversations, strict=True)])
        if not rows.any():
            continue
        new_tiers, new_adequacy, _ = _decide(engine, [changed[row] for row in np.flatnonzero(rows)])
        step = new_tiers - tiers[rows]
        before, place = worth[rows], np.arange(rows.sum())
        lost = before[place, tiers[rows]] - before[place, new_tiers] >= COSTLY
        moved = np.abs(new_adequacy - adequacy[rows]).mean(axis=1)
        up[rows] |= step > 0
        down[rows] |= step < 0
        costly[rows] |= lost
        total[rows] += moved
        times[rows] += 1
        shares = (step != 0, step < 0, lost, moved)
        flips.append(_flips(name, shares, names[rows], weighed, seed, draws))
    some = times > 0
    mean = total[some] / times[some]
    shares = ((up | down)[some], down[some], costly[some], mean)
    flips.append(_flips("any of these", shares, names[some], weighed, seed, draws))
    return flips


def _decide(
    engine: Engine, conversations: Sequence[Conversation]
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the rank of the chosen tier (n,), adequacies (n, deployments) and worth (n, T).

    A tier's worth is its best eligible deployment's adequacy less what its cost is worth to the
    caller, in adequacy.
    """
    rank = {name: place for place, name in enumerate(engine.catalog.tier_names)}
    price = engine.catalog.default_goal.willingness_to_pay_usd or np.inf
    ranks, adequacy, worth = [], [], []
    for decision in engine.route_many([Request(messages=one) for one in conversations]):
        if not isinstance(decision, Decision):
            raise DataError(f"a changed prompt cannot be routed: {decision.message}")
        ranks.append(rank[decision.chosen.deployment.tier])
        adequacy.append([estimate.adequacy for estimate in decision.estimates])
        best = [-np.inf] * len(rank)
        for one in decision.estimates:
            if not one.ineligible:
                tier = rank[one.deployment.tier]
                best[tier] = max(best[tier], one.adequacy - one.expected_cost_usd / price)
        worth.append(best)
    return np.array(ranks), np.array(adequacy), np.array(worth)


def _changed(conversation: Conversation, change: Change, rng: random.Random) -> Conversation:
    """Change the last user turn."""
    last = max(
        (place for place, message in enumerate(conversation) if message.role == "user"),
        default=len(conversation) - 1,
    )
    message = conversation[last]
    new = message._replace(content=change(message.content, rng) or message.content)
    return (*conversation[:last], new, *conversation[last + 1 :])


def _flips(
    name: str,
    shares: tuple[BoolArray | FloatArray, ...],
    groups: StrArray,
    weighed: bool,
    seed: int,
    draws: int,
) -> Flips:
    """Return means with intervals of what flipped, went cheaper, is costly, and moved."""
    values = np.stack(shares, axis=1).astype(np.float64)
    samples = weighted_means(resample_weights(groups, draws, seed), values)
    flipped, cheaper, costly, moved = (
        percentile_interval(float(value), samples[:, column])
        for column, value in enumerate(values.mean(axis=0))
    )
    return Flips(name, len(values), flipped, cheaper, costly if weighed else None, moved)
