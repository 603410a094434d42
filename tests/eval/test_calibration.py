"""Known answers of calibration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.calibration import calibration, expected_calibration_error, reliability_bins
from router.errors import DataError

PREDICTED = np.array([0.1, 0.1, 0.3, 0.9])
ADEQUATE = np.array([0.0, 1.0, 0.0, 1.0])


def test_hand_made_calibration() -> None:
    found = calibration(PREDICTED, ADEQUATE)
    assert found.count == 4
    assert found.base_rate == 0.5
    assert found.mean_predicted == pytest.approx(0.35)
    assert found.brier == pytest.approx((0.01 + 0.81 + 0.09 + 0.01) / 4)
    assert found.brier_base_rate == 0.25
    assert found.log_loss == pytest.approx(-np.log([0.9, 0.1, 0.7, 0.9]).mean())
    assert found.ece_equal_width == pytest.approx((2 * 0.4 + 0.3 + 0.1) / 4)


def test_equal_mass_bins_hold_equally_many_and_equal_width_bins_do_not() -> None:
    predicted = np.linspace(0, 1, 300) ** 3
    adequate = np.ones(300)
    mass = [one.count for one in reliability_bins(predicted, adequate, "equal_mass")]
    width = [one.count for one in reliability_bins(predicted, adequate, "equal_width")]
    assert mass == [20] * 15
    assert sum(width) == 300
    assert width[0] > 100


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=40))
@settings(deadline=None, max_examples=40)
def test_bins_lose_no_prompt_and_equal_predictions_share_one(
    rows: list[tuple[int, bool]],
) -> None:
    predicted = np.array([said / 8 for said, _ in rows])
    adequate = np.array([float(happened) for _, happened in rows])
    for binning in ("equal_mass", "equal_width"):
        bins = reliability_bins(predicted, adequate, binning)
        assert sum(one.count for one in bins) == len(rows)
        assert len(bins) <= len(set(predicted))
        assert 0 <= expected_calibration_error(bins) <= 1


def test_saying_what_happens_is_perfect_and_certain_error_stays_finite() -> None:
    assert calibration(ADEQUATE, ADEQUATE).ece_equal_mass == 0
    assert np.isfinite(calibration(1 - ADEQUATE, ADEQUATE).log_loss)


@pytest.mark.parametrize(
    ("predicted", "message"),
    [
        (np.array([]), "at least one"),
        (np.array([0.5]), "one prediction per outcome"),
        (np.array([0.1, 0.2, 0.3, 1.1]), "outside"),
        (np.array([0.1, 0.2, 0.3, np.nan]), "outside"),
    ],
)
def test_predictions_that_cannot_be_judged_are_refused(predicted: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        calibration(predicted, ADEQUATE)
