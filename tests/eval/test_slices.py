"""Calibration slice by slice: what luck explains is not called a fault, what it does not is."""

import numpy as np
import pytest

from eval.bootstrap import resample_weights
from eval.calibration import calibration
from eval.figures import resamples
from eval.recorded import Recorded
from eval.results import Results, TierCalibration
from eval.slices import resampled_ece, tier_calibrations
from eval.tables_detail import slice_verdict


def slices(recorded: Recorded, adequacy: np.ndarray) -> tuple[TierCalibration, ...]:
    rows = len(adequacy)
    tasks = np.where(np.arange(rows) < rows // 3, "one", "other")
    weights = resample_weights(np.arange(rows).astype(np.str_), 60, 0)
    return tier_calibrations(recorded, 0.5, adequacy, tasks, resamples(recorded, weights), seed=0)


def answers(recorded: Recorded, chance: np.ndarray, seed: int) -> Recorded:
    drawn = np.random.default_rng(seed).random(chance.shape) < chance
    return Recorded(
        recorded.tiers,
        drawn.astype(np.float64),
        recorded.output_tokens,
        recorded.cost_usd,
        recorded.deployment_cost_usd,
        recorded.prices,
    )


def test_true_predictions_are_not_called_miscalibrated(recorded: Recorded) -> None:
    chance = np.random.default_rng(3).uniform(0.1, 0.9, recorded.quality.shape)
    found = slices(answers(recorded, chance, 4), chance)
    assert [(one.task, one.tier) for one in found][:3] == [("", tier) for tier in recorded.tiers]
    flagged = 0
    for seed in range(10, 16):
        some = slices(answers(recorded, chance, seed), chance)
        flagged += sum("miscalibrated" in slice_verdict(one) for one in some)
    assert flagged <= 5  # of 54, at 2.5 %
    for one in found:
        assert one.ece.low <= one.ece.value <= one.ece.high
        assert one.ece.value == pytest.approx(one.calibration.ece_equal_mass)


def test_overconfidence_is_called_by_name(recorded: Recorded) -> None:
    chance = np.full(recorded.quality.shape, 0.5)
    said = np.random.default_rng(5).choice([0.02, 0.98], recorded.quality.shape)
    for one in slices(answers(recorded, chance, 6), said):
        assert slice_verdict(one) == "miscalibrated, Brier not below base rate"
        assert one.brier_gain.high < 0


def test_the_gain_is_over_the_base_rate_of_the_slice_itself(recorded: Recorded) -> None:
    chance = np.random.default_rng(3).uniform(0.1, 0.9, recorded.quality.shape)
    for one in slices(answers(recorded, chance, 4), chance):
        gap = one.calibration.brier_base_rate - one.calibration.brier
        assert one.brier_gain.value == pytest.approx(gap)


def test_weighing_all_prompts_alike_gives_the_plain_error() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.random(200).round(1)
    adequate = (rng.random(200) < 0.4).astype(np.float64)
    plain = calibration(predicted, adequate).ece_equal_mass
    weighed = resampled_ece(predicted, adequate, np.full((2, 200), 1 / 200))
    assert weighed.tolist() == pytest.approx([plain, plain])


def test_an_evaluation_measures_every_tier_on_every_task(results: Results) -> None:
    assert len(results.calibration) == (1 + len(results.tasks)) * len(results.tiers)
