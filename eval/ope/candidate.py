"""The candidate policy as an artifact: what it would have decided for the logged prompts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray
from router.catalog import load_catalog
from router.engine import build_engine
from router.errors import DataError, RouterError
from router.predict.artifact import load_artifact
from router.types import Goal, Message, Request


def artifact_choices(
    prompts: Sequence[str],
    actions: Sequence[str],
    artifact: Path,
    catalog: Path,
    goal: Goal | None = None,
) -> FloatArray:
    """Route every prompt by an artifact, through the engine that serves.

    Args:
        prompts: n texts, each the one message of its request.
        actions: Names of the k actions; the catalog's tiers must be among them.
        artifact: Directory.
        catalog: File.
        goal: What is wanted; None = the catalog's default goal.

    Returns:
        (n, k) float64, 1 at the tier chosen and 0 elsewhere.

    Raises:
        DataError: no prompts, a tier that is no action of the log, or a prompt nobody may serve.
    """
    if not prompts:
        raise DataError(
            "the log's lines hold no 'prompt', so no artifact can be asked: log prompts, or give "
            "the candidate's choices as a column with --candidate"
        )
    engine = build_engine(load_artifact(artifact), load_catalog(catalog))
    strangers = [name for name in engine.catalog.tier_names if name not in actions]
    if strangers:
        raise DataError(
            f"tiers {', '.join(strangers)} of the catalog are no actions of the log, which has "
            f"{', '.join(actions)}: use the catalog the log was made with"
        )
    requests = [Request(messages=(Message("user", prompt),), goal=goal) for prompt in prompts]
    chosen = np.zeros((len(prompts), len(actions)))
    for row, decision in enumerate(engine.route_many(requests)):
        if isinstance(decision, RouterError):
            raise DataError(f"line {row + 1} of the log: {decision.message}") from decision
        chosen[row, actions.index(decision.chosen.deployment.tier)] = 1.0
    return chosen
