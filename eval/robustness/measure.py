"""Decisions on prompts as they are and as changed: which flip, and shares with intervals.

Which changes there are stands in ``eval.robustness.changes``.
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


@dataclass(frozen=True, slots=True)
class Trial:
    """What one kind of change, or any of several, does to each of n prompts.

    Attributes:
        change: Its name.
        altered: (n,) whether it alters the prompt at all; elsewhere nothing flips.
        flipped: (n,) as in ``Flips``, as are the others.
        cheaper: (n,) bool.
        costly: (n,) bool, or None.
        moved: (n,) float, 0 where nothing is altered.
    """

    change: str
    altered: BoolArray
    flipped: BoolArray
    cheaper: BoolArray
    costly: BoolArray | None
    moved: FloatArray


ANY = "any of these"


def try_changes(
    engine: Engine,
    conversations: Sequence[Conversation],
    *,
    seed: int = 0,
    changes: Mapping[str, Change] = CHANGES,
) -> list[Trial]:
    """Route every conversation as it is and once for every change of its last user turn.

    Args:
        engine: Decides under the catalog's default goal.
        conversations: (n,) at least one.
        seed: Of the changes' random choices.
        changes: What is tried.

    Returns:
        One entry a change that altered any prompt, then ``ANY``: whether a prompt flips under at
        least one change, and the mean of its movements.

    Raises:
        DataError: no prompt, or one that no tier may serve.
    """
    if not conversations:
        raise DataError("no prompt to change; give at least one")
    tiers, adequacy, worth = _decide(engine, conversations)
    weighed = engine.catalog.default_goal.willingness_to_pay_usd is not None
    trials: list[Trial] = []
    for name, change in changes.items():
        changed = [
            _changed(one, change, random.Random(f"{seed}:{name}:{row}"))  # noqa: S311 - no secret
            for row, one in enumerate(conversations)
        ]
        altered = np.array([a != b for a, b in zip(changed, conversations, strict=True)])
        if not altered.any():
            continue
        rows = np.flatnonzero(altered)
        new_tiers, new_adequacy = tiers.copy(), adequacy.copy()
        new_tiers[rows], new_adequacy[rows], _ = _decide(engine, [changed[row] for row in rows])
        place = np.arange(len(tiers))
        lost = worth[place, tiers] - worth[place, new_tiers] >= COSTLY
        trials.append(
            Trial(
                name,
                altered,
                new_tiers != tiers,
                new_tiers < tiers,
                lost if weighed else None,
                np.abs(new_adequacy - adequacy).mean(axis=1),
            )
        )
    return [*trials, _any_of(trials, weighed)]


def measure(
    engine: Engine,
    conversations: Sequence[Conversation],
    groups: Sequence[str],
    *,
    seed: int = 0,
    draws: int = 1000,
    changes: Mapping[str, Change] = CHANGES,
) -> list[Flips]:
    """Return what each change does over the prompts it alters, and all together.

    Args:
        engine: As in ``try_changes``, as are ``conversations`` and ``changes``.
        conversations: (n,) at least one.
        groups: (n,) prompts of one group are resampled together.
        seed: Of the changes' random choices and of the intervals.
        draws: Resamples.
        changes: What is tried.

    Raises:
        DataError: see ``try_changes``.
    """
    names = np.asarray(groups, dtype=np.str_)
    return [
        _flips(trial, names, seed, draws)
        for trial in try_changes(engine, conversations, seed=seed, changes=changes)
    ]


def differences(
    trials: Sequence[Trial],
    others: Sequence[Trial],
    groups: Sequence[str],
    *,
    seed: int = 0,
    draws: int = 1000,
) -> list[tuple[str, Interval, Interval | None]]:
    """Return by how much flips and costly flips are more than another artifact's on these prompts.

    Args:
        trials: Of ``try_changes``.
        others: The same changes on the same prompts, decided by the other artifact.
        groups: (n,) prompts of one group are resampled together.
        seed: Of the intervals.
        draws: Resamples.

    Returns:
        Name of the change, difference of the shares that flip, and of those that flip at a cost.
    """
    names = np.asarray(groups, dtype=np.str_)
    found = []
    for one, other in zip(trials, others, strict=True):
        rows, costly = one.altered, None
        if one.costly is not None and other.costly is not None:
            costly = _mean(
                (one.costly.astype(float) - other.costly)[rows], names[rows], seed, draws
            )
        flipped = _mean((one.flipped.astype(float) - other.flipped)[rows], names[rows], seed, draws)
        found.append((one.change, flipped, costly))
    return found


def _any_of(trials: Sequence[Trial], weighed: bool) -> Trial:
    times = np.sum([trial.altered for trial in trials], axis=0)
    costly = [trial.costly for trial in trials if trial.costly is not None]
    return Trial(
        ANY,
        times > 0,
        np.any([trial.flipped for trial in trials], axis=0),
        np.any([trial.cheaper for trial in trials], axis=0),
        np.any(costly, axis=0) if weighed else None,
        np.sum([trial.moved for trial in trials], axis=0) / np.maximum(times, 1),
    )


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


def _flips(trial: Trial, groups: StrArray, seed: int, draws: int) -> Flips:
    rows = trial.altered
    flipped, cheaper, moved = (
        _mean(values[rows].astype(float), groups[rows], seed, draws)
        for values in (trial.flipped, trial.cheaper, trial.moved)
    )
    costly = None
    if trial.costly is not None:
        costly = _mean(trial.costly[rows].astype(float), groups[rows], seed, draws)
    return Flips(trial.change, int(rows.sum()), flipped, cheaper, costly, moved)


def _mean(values: FloatArray, groups: StrArray, seed: int, draws: int) -> Interval:
    samples = weighted_means(resample_weights(groups, draws, seed), values[:, None])
    return percentile_interval(float(values.mean()), samples[:, 0])
