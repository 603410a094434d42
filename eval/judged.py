"""Held-out prompts with everything that was decided on them, ready to be counted.

One artifact judges its own held-out part (``judge``); the parts of a cross-validation, each judged
by the artifact that never saw it, are put together (``join``). Counting is in ``eval.evaluate``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.arrays import FloatArray
from eval.baselines import (
    best_single_tier,
    nearest_neighbours,
    oracle,
    perfect_verifier,
    prompt_length,
    random_mix,
    task_mean,
    task_means,
    zero_router,
)
from eval.outcomes import OutcomeTable
from eval.recorded import Recorded, Sweep, recorded_outcomes
from eval.replay import Replay, replay
from router.engine import Engine
from router.errors import DataError

# A router of others: what happened on the held-out rows, the known rows, the held-out rows.
Contender = Callable[[Recorded, OutcomeTable, OutcomeTable], Sweep]


@dataclass(frozen=True, slots=True)
class Judged:
    """n held-out prompts.

    Attributes:
        test: The prompts.
        recorded: What happened on them.
        routed: What the artifact decided.
        sweeps: The artifact's and every baseline's settings.
        told_by_task: (n, tiers) share adequate among the known prompts of the same task.
    """

    test: OutcomeTable
    recorded: Recorded
    routed: Replay
    sweeps: tuple[Sweep, ...]
    told_by_task: FloatArray


def judge(
    engine: Engine,
    test: OutcomeTable,
    known: OutcomeTable,
    contenders: Sequence[Contender] = (),
) -> Judged:
    """Let an artifact and every baseline decide held-out prompts.

    Args:
        engine: Artifact and catalog.
        test: Held-out rows, columns are the tiers' reference models.
        known: Rows baselines may learn from, the same columns.
        contenders: Further routers, shown after the baselines.

    Raises:
        DataError: see ``eval.recorded.recorded_outcomes`` and ``eval.replay.replay``.
    """
    recorded = recorded_outcomes(test, engine.catalog)
    routed = replay(engine, test, recorded)
    threshold = engine.catalog.adequate_quality
    adequate = (known.quality >= threshold).astype(np.float64)
    return Judged(
        test=test,
        recorded=recorded,
        routed=routed,
        sweeps=(
            routed.trade_off,
            routed.target,
            task_mean(recorded, known, test),
            nearest_neighbours(recorded, known, test),
            prompt_length(recorded, known, test),
            zero_router(recorded),
            random_mix(recorded),
            best_single_tier(recorded, known),
            *(contender(recorded, known, test) for contender in contenders),
            perfect_verifier(recorded, threshold),
            oracle(recorded),
        ),
        told_by_task=task_means(adequate, known.task, test.task),
    )


def join(parts: Sequence[Judged]) -> Judged:
    """Put the parts of a cross-validation together; settings must be the same in each.

    Raises:
        DataError: no part, or parts whose routers have different settings.
    """
    if not parts:
        raise DataError("no judged part to join: give at least one")
    first = parts[0]
    for part in parts[1:]:
        if [one.name for one in part.sweeps] != [one.name for one in first.sweeps]:
            raise DataError("parts were judged by different routers and cannot be joined")
    routed = [part.routed for part in parts]
    sweeps = tuple(_join_sweeps(same) for same in zip(*(p.sweeps for p in parts), strict=True))
    return Judged(
        test=OutcomeTable.concat([part.test for part in parts]),
        recorded=Recorded(
            tiers=first.recorded.tiers,
            quality=np.concatenate([part.recorded.quality for part in parts]),
            output_tokens=np.concatenate([part.recorded.output_tokens for part in parts]),
            cost_usd=np.concatenate([part.recorded.cost_usd for part in parts]),
            deployment_cost_usd=np.concatenate(
                [part.recorded.deployment_cost_usd for part in parts]
            ),
            prices=first.recorded.prices,
        ),
        routed=Replay(
            adequacy=np.concatenate([one.adequacy for one in routed]),
            trade_off=sweeps[0],
            target=sweeps[1],
            default_goal=_join_sweeps([one.default_goal for one in routed]),
            default_tier=np.concatenate([one.default_tier for one in routed]),
        ),
        sweeps=sweeps,
        told_by_task=np.concatenate([part.told_by_task for part in parts]),
    )


def _join_sweeps(sweeps: Sequence[Sweep]) -> Sweep:
    return replace(
        sweeps[0],
        cost_usd=np.concatenate([sweep.cost_usd for sweep in sweeps]),
        quality=np.concatenate([sweep.quality for sweep in sweeps]),
    )
