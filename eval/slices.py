"""Calibration of every tier on every slice (all prompts, each task), with intervals and floors.

What a calibration is stands in ``eval.calibration``; here it is resampled, and set beside what luck
would show to a predictor without any fault on as many prompts.
"""

import numpy as np

from eval.arrays import BoolArray, FloatArray, StrArray
from eval.bootstrap import Interval, percentile_interval
from eval.calibration import calibration, equal_mass_places
from eval.figures import Resamples, interval
from eval.recorded import Recorded
from eval.results import TierCalibration

FLAWLESS_DRAWS = 200
_BLOCK = 50


def tier_calibrations(
    recorded: Recorded,
    adequate_quality: float,
    adequacy: FloatArray,
    tasks: StrArray,
    draws: Resamples,
    seed: int,
) -> tuple[TierCalibration, ...]:
    """Measure the calibration of every tier's adequacy, pooled (task ``""``) and per task.

    Args:
        recorded: The truth on n prompts.
        adequate_quality: Quality from which an answer is adequate.
        adequacy: (n, tiers) predicted, in [0, 1].
        tasks: (n,) tasks.
        draws: Resamples of the n prompts.
        seed: Of the simulated answers behind ``ece_if_calibrated``.
    """
    adequate = (recorded.quality >= adequate_quality).astype(np.float64)
    slices: list[tuple[str, BoolArray]] = [("", np.ones(len(tasks), dtype=np.bool_))]
    slices += [(str(task), tasks == task) for task in np.unique(tasks)]
    rng = np.random.default_rng(seed)
    return tuple(
        _tier_calibration(
            tier, task, adequacy[rows, i], adequate[rows, i], draws.weights[:, rows], rng
        )
        for task, rows in slices
        for i, tier in enumerate(recorded.tiers)
    )


def resampled_ece(predicted: FloatArray, adequate: FloatArray, weights: FloatArray) -> FloatArray:
    """Compute the equal-mass calibration error on every resample, bins kept as they are.

    Args:
        predicted: (n,) probabilities.
        adequate: (n,) 0 or 1, or (draws, n) where every resample has answers of its own.
        weights: (draws, n), rows adding up to anything above 0; (1, n) serves all draws.

    Returns:
        (draws,).
    """
    places = equal_mass_places(predicted)
    member = places[:, None] == np.unique(places)
    gap = weights * (predicted - adequate)
    error: FloatArray = np.abs(gap @ member).sum(axis=1) / weights.sum(axis=1)
    return error


def _tier_calibration(
    tier: str,
    task: str,
    predicted: FloatArray,
    adequate: FloatArray,
    weights: FloatArray,
    rng: np.random.Generator,
) -> TierCalibration:
    kept = weights[weights.sum(axis=1) > 0]
    kept = kept / kept.sum(axis=1, keepdims=True)
    rate = kept @ adequate
    flawless = np.concatenate([_flawless(predicted, rng) for _ in range(FLAWLESS_DRAWS // _BLOCK)])
    return TierCalibration(
        tier=tier,
        task=task,
        calibration=calibration(predicted, adequate),
        ece=_centred(resampled_ece(predicted, adequate, kept)),
        ece_if_calibrated=percentile_interval(float(flawless.mean()), flawless),
        brier_gain=interval(rate * (1 - rate) - kept @ (predicted - adequate) ** 2),
    )


def _centred(errors: FloatArray) -> Interval:
    """Put the interval around the figure: absolute errors of resamples lie above it on average."""
    samples = errors[1:] - errors[1:].mean() + errors[0]
    return percentile_interval(float(errors[0]), np.maximum(samples, 0.0))


def _flawless(predicted: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Let every prediction be true and see what error luck leaves: (block,)."""
    answers = (rng.random((_BLOCK, predicted.size)) < predicted).astype(np.float64)
    return resampled_ece(predicted, answers, np.ones((1, predicted.size)))
