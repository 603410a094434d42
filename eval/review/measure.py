"""Routers with review and without it, at all their settings, on prompts with recorded answers.

Cross-fitted: a prompt is reviewed by heads fitted on other folds, from predictions of artifacts
that never saw its duplicate group. What the routers keep of a quality at which cost is
``eval.review.shares``.
"""

from collections.abc import Callable

import numpy as np

from eval.baselines import oracle, perfect_verifier, zero_router
from eval.recorded import Sweep
from eval.review.fit import agreement, fit_review
from eval.review.prepare import Prepared
from eval.review.replay import replay_review
from router.catalog import Catalog
from router.review.heads import ReviewModel, prompt_rows


def fit_without(data: Prepared, catalog: Catalog, fold: int | None) -> ReviewModel:
    """Fit on all prompts outside a fold; None: on all."""
    rows = (
        np.ones(len(data.candidates), dtype=bool) if fold is None else data.predictions.fold != fold
    )
    return fit_review(
        prompt_rows(data.predictions.adequacy[rows], data.predictions.output_tokens[rows]),
        data.answers.select(rows),
        data.recorded.quality[rows] >= catalog.adequate_quality,
        data.table.group[rows],
        data.predictions.seed,
    )


def cross_fitted(
    data: Prepared, catalog: Catalog, progress: Callable[[str], None] = lambda _: None
) -> Callable[[int], ReviewModel]:
    """Return what gives for each prompt's row a review that was not fitted on it."""
    folds = np.unique(data.predictions.fold).tolist()
    models = {}
    for fold in folds:
        progress(f"fitting a review without fold {fold + 1} of {len(folds)}")
        models[fold] = fit_without(data, catalog, fold)
    return lambda row: models[int(data.predictions.fold[row])]


def sweeps(
    data: Prepared,
    catalog: Catalog,
    model_of: Callable[[int], ReviewModel],
    progress: Callable[[str], None] = lambda _: None,
) -> list[Sweep]:
    """Return what every router would have paid and scored, at all its settings; review first."""
    recorded = data.recorded
    reviewed = replay_review(
        model_of,
        data.candidates,
        data.answers,
        data.plain,
        recorded.cost_usd,
        recorded.quality,
        data.pays_usd,
        progress,
    )
    labels = tuple(f"willingness to pay ${pay:.3g}" for pay in data.pays_usd)
    return [
        Sweep("review", "with review", "artifact", labels, reviewed.cost_usd, reviewed.quality),
        Sweep(
            "no_review",
            "no review (the router alone)",
            "artifact",
            labels,
            np.take_along_axis(recorded.cost_usd, data.plain, axis=1),
            np.take_along_axis(recorded.quality, data.plain, axis=1),
        ),
        always_compare(data),
        zero_router(recorded),
        perfect_verifier(recorded, catalog.adequate_quality),
        oracle(recorded),
    ]


def always_compare(data: Prepared) -> Sweep:
    """Fixed rule: ask the two lowest tiers, keep the lowest's answer if they agree, else the top.

    One setting; joined by always-top so that a level of quality above it has a price.
    """
    recorded = data.recorded
    agree = agreement(data.answers, 0, 1)
    top = recorded.cost_usd[:, -1]
    cost = recorded.cost_usd[:, 0] + recorded.cost_usd[:, 1] + np.where(agree, 0.0, top)
    quality = np.where(agree, recorded.quality[:, 0], recorded.quality[:, -1])
    return Sweep(
        "always_compare",
        "fixed rule: compare two, else top",
        "baseline",
        ("compare", "always top"),
        np.column_stack((cost, top)),
        np.column_stack((quality, recorded.quality[:, -1])),
    )
