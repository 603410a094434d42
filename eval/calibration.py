"""How far predicted probabilities can be believed: reliability bins, ECE, Brier, log loss.

Only the measurement. Making probabilities better calibrated belongs to training.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from eval.arrays import FloatArray, IntArray
from router.errors import DataError

Binning = Literal["equal_mass", "equal_width"]
BINS = 15
LOG_LOSS_FLOOR = 1e-7


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Prompts with similar predictions: what was said and what happened.

    Attributes:
        predicted: Mean predicted probability, in [0, 1].
        observed: Share that was adequate, in [0, 1].
        count: Number of prompts, > 0.
    """

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration of one predicted probability.

    Attributes:
        count: Number of prompts.
        base_rate: Share that was adequate.
        mean_predicted: Mean predicted probability.
        ece_equal_mass: Expected calibration error over 15 bins of equally many prompts.
        ece_equal_width: The same over 15 bins of equal width on [0, 1].
        brier: Mean squared error; 0 is perfect.
        brier_base_rate: Brier score of always saying the base rate.
        log_loss: Mean negative log likelihood in nats, predictions kept 1e-7 away from 0 and 1.
        bins: The equal-mass reliability bins, in order of prediction.
    """

    count: int
    base_rate: float
    mean_predicted: float
    ece_equal_mass: float
    ece_equal_width: float
    brier: float
    brier_base_rate: float
    log_loss: float
    bins: tuple[ReliabilityBin, ...]


def calibration(predicted: FloatArray, adequate: FloatArray) -> Calibration:
    """Measure the calibration of predictions.

    Args:
        predicted: (n,) probabilities in [0, 1].
        adequate: (n,) 1 where the answer was adequate, else 0.

    Raises:
        DataError: Nothing to measure, or a prediction outside [0, 1].
    """
    _check(predicted, adequate)
    base_rate = float(adequate.mean())
    bins = reliability_bins(predicted, adequate, "equal_mass")
    bounded = np.clip(predicted, LOG_LOSS_FLOOR, 1 - LOG_LOSS_FLOOR)
    return Calibration(
        count=predicted.size,
        base_rate=base_rate,
        mean_predicted=float(predicted.mean()),
        ece_equal_mass=expected_calibration_error(bins),
        ece_equal_width=expected_calibration_error(
            reliability_bins(predicted, adequate, "equal_width")
        ),
        brier=float(np.mean((predicted - adequate) ** 2)),
        brier_base_rate=base_rate * (1 - base_rate),
        log_loss=float(-np.mean(adequate * np.log(bounded) + (1 - adequate) * np.log(1 - bounded))),
        bins=bins,
    )


def reliability_bins(
    predicted: FloatArray, adequate: FloatArray, binning: Binning, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Put similar predictions together.

    Args:
        predicted: (n,) probabilities in [0, 1].
        adequate: (n,) 0 or 1.
        binning: Bins of equally many prompts, or of equal width. Equal predictions always share a
            bin, so bins of equal mass can come out unequal, or fewer than asked for.
        bins: How many.

    Returns:
        The bins that hold a prompt, in order of prediction.
    """
    _check(predicted, adequate)
    place = (
        equal_mass_places(predicted, bins)
        if binning == "equal_mass"
        else _equal_width(predicted, bins)
    )
    counts = np.bincount(place, minlength=bins)
    said = np.bincount(place, weights=predicted, minlength=bins)
    happened = np.bincount(place, weights=adequate, minlength=bins)
    return tuple(
        ReliabilityBin(float(said[b] / counts[b]), float(happened[b] / counts[b]), int(counts[b]))
        for b in np.flatnonzero(counts)
    )


def expected_calibration_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """Mean distance of predicted and observed over bins, weighted by prompts (arXiv 1706.04599)."""
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.predicted - one.observed) for one in bins) / total


def equal_mass_places(predicted: FloatArray, bins: int = BINS) -> IntArray:
    """Bin by rank, (n,) of bins; a run of equal predictions goes where its middle falls."""
    _, inverse, counts = np.unique(predicted, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    place: IntArray = np.floor(middle / predicted.size * bins).astype(np.int64)[inverse]
    return place


def _equal_width(predicted: FloatArray, bins: int) -> IntArray:
    place: IntArray = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    return place


def _check(predicted: FloatArray, adequate: FloatArray) -> None:
    if predicted.size == 0 or predicted.shape != adequate.shape:
        raise DataError(
            f"calibration needs one prediction per outcome and at least one; "
            f"given {predicted.shape} and {adequate.shape}"
        )
    if not ((predicted >= 0) & (predicted <= 1)).all():
        raise DataError("a predicted probability lies outside [0, 1] or is not a number")
