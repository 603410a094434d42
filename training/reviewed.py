"""Calibrating a contract over whole reviews: the last step of ``make review``.

Held-out prompts whose answers are recorded are planned and reviewed as they would be served, at
every willingness to pay, and what was lost is counted. They must be new to everything: to the
predictor, to the heads of the review, and to the predictors whose out-of-fold predictions those
heads were fitted on. What the counts vouch for is ``router.promise.reviewed``.
"""

import numpy as np

from eval.outcomes import OutcomeTable
from eval.review.answers import Answers
from eval.review.predictions import Predictions
from eval.review.prepare import WILLINGNESS_TO_PAY_USD, prepare
from eval.review.replay import replay_review
from router.engine import Engine
from router.promise.contract import CalibrationCounts
from router.promise.reviewed import ReviewedCounts, places
from router.review.heads import ReviewModel
from training.labels import rows_with_tiers
from training.promise import held_out_part

FEWEST_PROMPTS = 200


def count_reviewed(
    engine: Engine,
    model: ReviewModel,
    table: OutcomeTable,
    answers: Answers,
    fitted_on: Predictions,
    pays_usd: tuple[float, ...] = WILLINGNESS_TO_PAY_USD,
) -> ReviewedCounts | None:
    """Count what reviews lose on the held-out prompts that have answers.

    Args:
        engine: Artifact and catalog, whose prices count.
        model: Heads that were fitted on ``fitted_on``.
        table: The very table the artifact was trained on.
        answers: Recorded answers.
        fitted_on: Out-of-fold predictions that spare the held-out part.
        pays_usd: Willingnesses to pay at which they are counted, > 0, rising.

    Returns:
        The counts of one prompt per duplicate group; None if the table is another, the predictions
        do not spare the held-out part, or fewer than ``FEWEST_PROMPTS`` prompts are left.
    """
    manifest, catalog = engine.artifact.manifest, engine.catalog
    usable = rows_with_tiers(table, catalog)
    if table.content_hash() != manifest.data_sha256 or fitted_on.seed != manifest.split_seed:
        return None
    held_out = usable.select(held_out_part(usable, manifest))
    if np.isin(held_out.prompt_ids, fitted_on.prompt_ids).any():
        return None
    _, first = np.unique(held_out.group, return_index=True)
    prompts = held_out.select(np.sort(first))
    known = np.isin(prompts.prompt_ids, answers.prompt_ids)
    if known.sum() < FEWEST_PROMPTS:
        return None
    data = prepare(prompts, answers, _predictions(engine, prompts), catalog, pays_usd)
    replayed = replay_review(
        lambda _: model,
        data.candidates,
        data.answers,
        data.plain,
        data.recorded.cost_usd,
        data.recorded.quality,
        pays_usd,
    )
    top = data.recorded.quality[:, [-1]] >= catalog.adequate_quality
    lost = ((replayed.quality < catalog.adequate_quality) & top)[:, ::-1]
    counts = CalibrationCounts(
        grid=places(lost.shape[1]),
        total_loss=tuple(lost.sum(axis=0).astype(float).tolist()),
        n=len(lost),
        binary=True,
        covers="lowest",
    )
    return ReviewedCounts(catalog.version, pays_usd[::-1], counts)


def _predictions(engine: Engine, prompts: OutcomeTable) -> Predictions:
    adequacy, output_tokens = engine.artifact.heads.run(prompts.vectors, prompts.features)
    return Predictions(
        engine.catalog.tier_names,
        prompts.prompt_ids,
        np.zeros(len(prompts), dtype=np.int64),
        adequacy.astype(np.float64),
        output_tokens.astype(np.float64),
        engine.artifact.manifest.split_seed,
    )
