"""Studies: smoothing by ability, folds of the prior, and lookups give what they say."""

from pathlib import Path

import numpy as np
import pytest

from eval.coverage_file import read_coverage
from training.members import sigmoid
from training.settings import DEFAULT_PRIOR
from training.study.ability import smoothed
from training.study.coverage_folds import write_without
from training.study.others import Lookup


def made_up_outcomes(prompts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes of eight models by the very model that is fitted, and P(right)."""
    generator = np.random.default_rng(0)
    ability = np.linspace(-1.5, 1.5, 8)
    chance = sigmoid(1.5 * (ability - generator.normal(size=(prompts, 1))))
    return (generator.random(chance.shape) < chance).astype(np.float64), chance


def test_smoothing_comes_nearer_to_the_truth_than_the_outcomes() -> None:
    outcomes, chance = made_up_outcomes(400)
    tiers = (0, 4, 7)
    fitted = smoothed(outcomes, tiers, np.zeros((400, 3)))
    truth = chance[:, list(tiers)]
    raw = outcomes[:, list(tiers)]
    assert np.square(fitted - truth).mean() < 0.5 * np.square(raw - truth).mean()


def test_a_stronger_model_is_fitted_as_stronger_on_average() -> None:
    outcomes, _ = made_up_outcomes(400)
    weak, middle, strong = smoothed(outcomes, (0, 4, 7), np.zeros((400, 3))).mean(axis=0)
    assert weak < middle < strong


def test_a_row_without_outcomes_keeps_what_it_had() -> None:
    outcomes, _ = made_up_outcomes(50)
    outcomes[0] = np.nan
    kept = np.full((50, 2), 0.25)
    np.testing.assert_array_equal(smoothed(outcomes, (0, 1), kept)[0], [0.25, 0.25])


@pytest.mark.parametrize(("nearest", "expected"), [(1, 0.0), (2, 0.5)])
def test_a_lookup_averages_the_nearest_rows(nearest: int, expected: float) -> None:
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [-1.0, 0.0]], dtype=np.float32)
    values = np.array([[0.0], [1.0], [1.0]])
    question = np.array([[1.0, 0.1, 9.0]], dtype=np.float32)
    assert Lookup(vectors, values, nearest).probabilities(question)[0, 0] == expected


def test_a_fold_of_the_prior_is_learnt_without_its_prompts_and_without_the_test_part(
    tmp_path: Path,
) -> None:
    whole = read_coverage(Path(__file__).resolve().parents[2] / DEFAULT_PRIOR)
    prior = [one.id for one in whole if one.part == "prior"]
    write_without(Path(__file__).resolve().parents[2] / DEFAULT_PRIOR, prior[:5], tmp_path / "p")
    kept = read_coverage(tmp_path / "p")
    assert [one.id for one in kept] == prior[5:]
