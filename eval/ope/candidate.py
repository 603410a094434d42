"""The candidate policy as an artifact: what it would have decided for the logged prompts."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray
from eval.ope.inputs import RecordedInput
from router.catalog import load_catalog
from router.engine import Engine, build_engine
from router.errors import DataError, RouterError
from router.predict.artifact import load_artifact
from router.predict.predictor import predict_recorded
from router.types import Decision, Goal, Message, Request


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
            "the log's lines hold neither 'vector' nor 'prompt', so no artifact can be asked: use "
            "a server's decision log, log prompts, or give the candidate's choices as a column "
            "with --candidate"
        )
    engine = _engine(artifact, catalog, actions)
    requests = [Request(messages=(Message("user", prompt),), goal=goal) for prompt in prompts]
    return _one_hot(engine.route_many(requests), len(prompts), actions)


def artifact_choices_recorded(
    inputs: Sequence[RecordedInput],
    actions: Sequence[str],
    artifact: Path,
    catalog: Path,
    goal: Goal | None = None,
) -> FloatArray:
    """Decide every recorded request by an artifact, under the request's own constraints.

    Args:
        inputs: n requests of a decision log.
        actions: Names of the k actions; the catalog's tiers must be among them.
        artifact: Directory; its encoder must be the log's.
        catalog: File.
        goal: What is wanted; None = the goal each request was decided for.

    Returns:
        (n, k) float64, 1 at the tier chosen and 0 elsewhere.

    Raises:
        DataError: another encoder, a tier that is no action of the log, or a request nobody may
            serve.
    """
    engine = _engine(artifact, catalog, actions)
    others = {one.encoder_sha256 for one in inputs} - {engine.artifact.manifest.encoder_sha256}
    if others:
        raise DataError(
            f"{artifact}: its encoder is not the log's ({', '.join(sorted(others))[:60]}), so the "
            "recorded vectors mean nothing to it: judge an artifact with the same encoder, or log "
            "prompts"
        )
    predictions = predict_recorded(
        engine.artifact,
        np.stack([one.vector for one in inputs]),
        np.stack([one.features for one in inputs]),
    )

    margin = engine.catalog.deadlines.margin_seconds

    def decisions() -> Iterable[Decision | RouterError]:
        for one, prediction in zip(inputs, predictions, strict=True):
            request = Request(
                messages=(),
                goal=goal or one.goal,
                allowed_tiers=one.eligible_tiers,
                max_output_tokens=one.max_output_tokens,
                deadline=one.deadline and one.deadline._replace(margin_seconds=margin),
            )
            try:
                yield engine.decide(request, prediction, one.input_tokens)
            except RouterError as error:
                yield error

    return _one_hot(decisions(), len(inputs), actions)


def _engine(artifact: Path, catalog: Path, actions: Sequence[str]) -> Engine:
    engine = build_engine(load_artifact(artifact), load_catalog(catalog))
    strangers = [name for name in engine.catalog.tier_names if name not in actions]
    if strangers:
        raise DataError(
            f"tiers {', '.join(strangers)} of the catalog are no actions of the log, which has "
            f"{', '.join(actions)}: use the catalog the log was made with"
        )
    return engine


def _one_hot(
    decisions: Iterable[Decision | RouterError], n: int, actions: Sequence[str]
) -> FloatArray:
    chosen = np.zeros((n, len(actions)))
    for row, decision in enumerate(decisions):
        if isinstance(decision, RouterError):
            raise DataError(f"line {row + 1} of the log: {decision.message}") from decision
        chosen[row, actions.index(decision.chosen.deployment.tier)] = 1.0
    return chosen
