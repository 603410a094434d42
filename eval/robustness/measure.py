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


@dataclass(frozen=True, slots=True)
class Flips:
    """What one kind of change does.

    Attributes:
        change: Its name.
        prompts: Prompts it changes at all; the others are left out.
        flipped: Share of them that go to another tier under the catalog's default goal.
        cheaper: Share that go to a lower tier.
        moved: Mean absolute change of adequacy, over prompts and tiers.
    """

    change: str
    prompts: int
    flipped: Interval
    cheaper: Interval
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
    tiers, adequacy = _decide(engine, conversations)
    flips: list[Flips] = []
    up, down = np.zeros(len(names), bool), np.zeros(len(names), bool)
    total, times = np.zeros(len(names)), np.zeros(len(names))
    for name, change in changes.items():
        changed = [
            _changed(one, change, random.Random(f"{seed}:{name}:{row}"))  # noqa: S311 - no secret
            for row, one in enumerate(conversations)
        ]
        rows = np.array([a != b for a, b in zip(changed, conversations, strict=True)])
        if not rows.any():
            continue
        new_tiers, new_adequacy = _decide(engine, [changed[row] for row in np.flatnonzero(rows)])
        step = new_tiers - tiers[rows]
        moved = np.abs(new_adequacy - adequacy[rows]).mean(axis=1)
        up[rows] |= step > 0
        down[rows] |= step < 0
        total[rows] += moved
        times[rows] += 1
        flips.append(_flips(name, step != 0, step < 0, moved, names[rows], seed, draws))
    some = times > 0
    mean = total[some] / times[some]
    any_flip = (up | down)[some]
    flips.append(_flips("any of these", any_flip, down[some], mean, names[some], seed, draws))
    return flips


def _decide(engine: Engine, conversations: Sequence[Conversation]) -> tuple[IntArray, FloatArray]:
    """Return the rank of the chosen tier (n,) and adequacies (n, deployments)."""
    rank = {name: place for place, name in enumerate(engine.catalog.tier_names)}
    ranks, adequacy = [], []
    for decision in engine.route_many([Request(messages=one) for one in conversations]):
        if not isinstance(decision, Decision):
            raise DataError(f"a changed prompt cannot be routed: {decision.message}")
        ranks.append(rank[decision.chosen.deployment.tier])
        adequacy.append([estimate.adequacy for estimate in decision.estimates])
    return np.array(ranks), np.array(adequacy)


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
    flipped: BoolArray,
    cheaper: BoolArray,
    moved: FloatArray,
    groups: StrArray,
    seed: int,
    draws: int,
) -> Flips:
    values = np.stack([flipped, cheaper, moved], axis=1).astype(np.float64)
    samples = weighted_means(resample_weights(groups, draws, seed), values)
    intervals = [
        percentile_interval(float(value), samples[:, column])
        for column, value in enumerate(values.mean(axis=0))
    ]
    return Flips(name, len(values), *intervals)
