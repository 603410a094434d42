"""Prompts with all that is known of them, brought together for measuring a review.

Outcomes, digests of answers and out-of-fold predictions come from three files; kept are the prompts
that all of them know. What is measured on them is ``eval.review.measure``.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.outcomes import OutcomeTable
from eval.recorded import Recorded, recorded_outcomes
from eval.review.answers import Answers, match
from eval.review.predictions import Predictions
from router.catalog import Catalog
from router.cost.estimate import expected_cost_usd
from router.errors import DataError
from router.review.candidates import Candidates
from router.review.heads import prompt_rows
from router.types import Estimate

SETTINGS = 49


def willingness_to_pay_usd(settings: int = SETTINGS) -> tuple[float, ...]:
    """Return so many willingnesses to pay, evenly spaced in their logarithm, rising."""
    return tuple(np.geomspace(3e-4, 3.0, settings).tolist())


WILLINGNESS_TO_PAY_USD = willingness_to_pay_usd()


@dataclass(frozen=True, slots=True)
class Prepared:
    """n prompts with everything known of them.

    Attributes:
        table: Outcomes of the tiers' reference models.
        recorded: The same, priced.
        answers: Digests of their answers, in tier order.
        predictions: Out of fold, in the same order.
        candidates: What serving would hand to a review.
        pays_usd: Willingnesses to pay that are swept, rising.
        plain: (n, settings) tier chosen without a review at each of them.
    """

    table: OutcomeTable
    recorded: Recorded
    answers: Answers
    predictions: Predictions
    candidates: list[Candidates]
    pays_usd: tuple[float, ...]
    plain: IntArray


def prepare(
    table: OutcomeTable,
    answers: Answers,
    predictions: Predictions,
    catalog: Catalog,
    pays_usd: tuple[float, ...] = WILLINGNESS_TO_PAY_USD,
) -> Prepared:
    """Bring outcomes, answers and predictions of the same prompts together.

    Args:
        table: Outcomes.
        answers: Digests of recorded answers.
        predictions: Out of fold.
        catalog: Tiers and prices.
        pays_usd: Willingnesses to pay at which the routers are swept, > 0, rising.

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
        pays_usd,
        _plain_choices(candidates, pays_usd),
    )


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


def _plain_choices(candidates: list[Candidates], pays_usd: tuple[float, ...]) -> IntArray:
    """Return what the trade-off rule of ``router.policy`` chooses at every willingness to pay."""
    adequacy = np.array([one.adequacy for one in candidates])
    tiers = adequacy.shape[1]
    cost = np.array(
        [[one.cheapest[t].expected_cost_usd for t in range(tiers)] for one in candidates]
    )
    return np.column_stack([np.argmax(adequacy - cost / pay, axis=1) for pay in pays_usd])
