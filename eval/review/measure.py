"""The frontier with review beside routers without it, on the prompts that have recorded answers.

Cross-fitted: a prompt is reviewed by heads fitted on other folds, from predictions of artifacts
that never saw its duplicate group. Tables are ``eval.review.tables``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray, StrArray
from eval.baselines import oracle, perfect_verifier, zero_router
from eval.bootstrap import DRAWS, Interval, percentile_interval, resample_weights
from eval.frontier import FrontierPoint, cost_share, hull_indices
from eval.outcomes import OutcomeTable
from eval.recorded import Recorded, Sweep, recorded_outcomes
from eval.review.answers import Answers, match
from eval.review.fit import agreement, fit_review
from eval.review.predictions import Predictions
from eval.review.replay import replay_review
from router.catalog import Catalog
from router.cost.estimate import expected_cost_usd
from router.errors import DataError
from router.review.candidates import Candidates
from router.review.heads import ReviewModel, prompt_rows
from router.types import Estimate

WILLINGNESS_TO_PAY_USD: tuple[float, ...] = tuple(np.geomspace(3e-4, 3.0, 49).tolist())
LEVELS: tuple[float, ...] = (0.995, 0.99, 0.97, 0.95)


@dataclass(frozen=True, slots=True)
class Prepared:
    """n prompts with everything known of them.

    Attributes:
        table: Outcomes of the tiers' reference models.
        recorded: The same, priced.
        answers: Digests of their answers, in tier order.
        predictions: Out of fold, in the same order.
        candidates: What serving would hand to a review.
        plain: (n, settings) tier chosen without a review.
    """

    table: OutcomeTable
    recorded: Recorded
    answers: Answers
    predictions: Predictions
    candidates: list[Candidates]
    plain: IntArray


@dataclass(frozen=True, slots=True)
class Share:
    """Share of always-large's cost that keeps ``level`` of its quality, for one router."""

    router: str
    part: str
    level: float
    share: Interval
    minus_plain: Interval | None


def prepare(
    table: OutcomeTable, answers: Answers, predictions: Predictions, catalog: Catalog
) -> Prepared:
    """Bring outcomes, answers and predictions of the same prompts together.

    Raises:
        DataError: predictions of other tiers, or no prompt that all three know.
    """
    if predictions.tiers != catalog.tier_names:
        raise DataError(f"predictions for {predictions.tiers}, the catalog has other tiers")
    models = [tier.reference_model for tier in catalog.tiers]
    usable = table.for_models(models)
    of_answers, of_table = match(answers, usable)
    place = {name: row for row, name in enumerate(predictions.prompt_ids.tolist())}
    known = np.array([name in place for name in usable.prompt_ids[of_table].tolist()], dtype=bool)
    if not known.any():
        raise DataError("no prompt has an outcome, an answer and a prediction")
    usable = usable.select(of_table[known])
    rows = np.array([place[name] for name in usable.prompt_ids.tolist()])
    chosen = predictions.select(rows)
    recorded = recorded_outcomes(usable, catalog)
    candidates = [
        _candidates(catalog, *row)
        for row in zip(chosen.adequacy, chosen.output_tokens, usable.input_tokens, strict=True)
    ]
    return Prepared(
        usable,
        recorded,
        answers.select(of_answers[known], models),
        chosen,
        candidates,
        _plain_choices(candidates),
    )


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
        WILLINGNESS_TO_PAY_USD,
        progress,
    )
    labels = tuple(f"willingness to pay ${pay:.3g}" for pay in WILLINGNESS_TO_PAY_USD)
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


def shares(data: Prepared, routers: list[Sweep], seed: int, draws: int = DRAWS) -> list[Share]:
    """Count cost shares for every part of the prompts, with intervals paired by prompt."""
    rows: list[Share] = []
    for part, chosen in parts_of(data.table.task).items():
        weights = resample_weights(data.table.group[chosen], draws, seed)
        top = (data.recorded.cost_usd[chosen, -1], data.recorded.quality[chosen, -1])
        values = {sweep.name: _shares_of(sweep, chosen, top, weights) for sweep in routers}
        for sweep in routers:
            for column, level in enumerate(LEVELS):
                value, samples = (values[sweep.name][0][column], values[sweep.name][1][:, column])
                plain_value, plain = (
                    values["no_review"][0][column],
                    values["no_review"][1][:, column],
                )
                rows.append(
                    Share(
                        sweep.title,
                        part,
                        level,
                        percentile_interval(value, samples),
                        None
                        if sweep.name == "no_review"
                        else percentile_interval(value - plain_value, samples - plain),
                    )
                )
    return rows


def parts_of(task: StrArray) -> dict[str, BoolArray]:
    """Return the rows of every task, and of all of them together."""
    parts = {str(name): np.asarray(task == name) for name in np.unique(task)}
    return {**parts, "all": np.ones(len(task), dtype=bool)}


def _shares_of(
    sweep: Sweep, rows: BoolArray, top: tuple[FloatArray, FloatArray], weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return (levels,) shares, and (draws, levels) of them under resampling."""
    cost, quality = sweep.cost_usd[rows], sweep.quality[rows]
    even = np.full((1, len(cost)), 1.0 / len(cost))
    both = np.vstack((even, weights))
    costs, qualities = both @ cost, both @ quality
    top_costs, top_qualities = both @ top[0], both @ top[1]
    found = np.empty((len(both), len(LEVELS)))
    for draw in range(len(both)):
        corners = hull_indices(costs[draw], qualities[draw])
        reference = FrontierPoint(float(top_costs[draw]), float(top_qualities[draw]))
        found[draw] = [
            cost_share(costs[draw][corners], qualities[draw][corners], reference, level)
            for level in LEVELS
        ]
    return found[0], found[1:]


def _candidates(
    catalog: Catalog, adequacy: FloatArray, output_tokens: FloatArray, input_tokens: float
) -> Candidates:
    cheapest: dict[int, Estimate] = {}
    for deployment in catalog.deployments:
        if deployment.price is None:
            continue
        tier = catalog.tier_names.index(deployment.tier)
        tokens = min(float(output_tokens[tier]), float(deployment.capabilities.max_output_tokens))
        cost = expected_cost_usd(deployment.price, float(input_tokens), tokens)
        if tier not in cheapest or cost < cheapest[tier].expected_cost_usd:
            cheapest[tier] = Estimate(
                deployment, float(adequacy[tier]), cost, float(input_tokens), tokens
            )
    return Candidates(
        prompt_rows(adequacy[None, :], output_tokens[None, :])[0],
        tuple(adequacy.tolist()),
        cheapest,
    )


def _plain_choices(candidates: list[Candidates]) -> IntArray:
    """Return what the trade-off rule of ``router.policy`` chooses at every willingness to pay."""
    adequacy = np.array([one.adequacy for one in candidates])
    tiers = adequacy.shape[1]
    cost = np.array(
        [[one.cheapest[t].expected_cost_usd for t in range(tiers)] for one in candidates]
    )
    return np.column_stack(
        [np.argmax(adequacy - cost / pay, axis=1) for pay in WILLINGNESS_TO_PAY_USD]
    )
