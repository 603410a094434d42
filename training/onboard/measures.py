"""Figures of the onboarding curve, each with its resamples: what a method's predictions are worth.

Log loss, Brier score and AUC of predictions; AIQ and cost share of a tier set that has the new
model. Resamples are of duplicate groups and the same for every method, so differences are paired.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray
from eval.baselines import WILLINGNESS_TO_PAY_USD, trade_off_choices
from eval.figures import figures, resamples
from eval.metrics import pairs_won
from eval.recorded import Recorded, Sweep, sweep_of_tiers
from eval.results import LEVELS
from training.members import clip

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Samples:
    """Figures on the plain sample (first) and on D resamples: (1 + D,) each."""

    log_loss: FloatArray
    brier: FloatArray
    auc: FloatArray


@dataclass(frozen=True, slots=True)
class Routed:
    """Of a tier set: AIQ over the known tiers' range of cost, and the cost share at ``LEVEL``."""

    aiq: FloatArray
    cost_share: FloatArray


def prediction_samples(predicted: FloatArray, adequate: FloatArray, weights: FloatArray) -> Samples:
    """Measure predictions of several draws of labels; figures are means over the draws.

    Args:
        predicted: (R, n) probabilities.
        adequate: (n,) 0 or 1.
        weights: (1 + D, n), rows adding up to 1.
    """
    kept = clip(predicted)
    loss = -(adequate * np.log(kept) + (1.0 - adequate) * np.log1p(-kept)).mean(axis=0)
    brier = ((kept - adequate) ** 2).mean(axis=0)
    areas = []
    for row in kept:
        won, pairs = pairs_won(row, adequate > 0.5, weights)
        areas.append(won / pairs)
    return Samples(weights @ loss, weights @ brier, np.mean(areas, axis=0))


def routed_samples(
    truth: Recorded,
    known: Recorded,
    draws: Iterable[tuple[FloatArray, FloatArray]],
    weights: FloatArray,
) -> Routed:
    """Route a tier set by the trade-off rule and measure its frontier.

    Args:
        truth: What happened on the tiers that are offered.
        known: What happened on the known tiers: always-large, and the range of cost.
        draws: Predicted adequacy and predicted cost in USD, (n, tiers) each, of every draw of
            labels; costs and qualities of a setting are means over them.
        weights: (1 + D, n), rows adding up to 1.
    """
    sweeps = [
        sweep_of_tiers(
            truth,
            trade_off_choices(adequacy, cost_usd),
            [f"{pay:.3g}" for pay in WILLINGNESS_TO_PAY_USD],
            name="routed",
            title="routed",
            kind="artifact",
        )
        for adequacy, cost_usd in draws
    ]
    mean = Sweep(
        name="routed",
        title="routed",
        kind="artifact",
        labels=sweeps[0].labels,
        cost_usd=np.mean([sweep.cost_usd for sweep in sweeps], axis=0),
        quality=np.mean([sweep.quality for sweep in sweeps], axis=0),
    )
    # ``resamples`` puts the plain sample first itself.
    found = figures(mean, resamples(known, weights[1:]))
    return Routed(found.aiq, found.cost_shares[:, LEVELS.index(LEVEL)])
