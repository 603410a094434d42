"""Upper bounds of output length cover what they say, per band, in numbers and in the graph."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from eval.outcomes import OutcomeTable
from router.errors import TrainingError
from training.length_bounds import (
    ESTIMATED,
    LengthBounds,
    counted_lengths,
    fit_length_bounds,
)
from training.length_bounds_graph import add_upper_bounds

TIERS = ("small", "large")


def lengths(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return expected and recorded tokens of two tiers; long answers vary more than short ones."""
    rng = np.random.default_rng(seed)
    expected = np.exp(rng.uniform(2, 7, (n, 2)))
    spread = 0.1 + 0.15 * np.log(expected)
    return expected, np.round(expected * np.exp(spread * rng.normal(size=(n, 2))))


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_new_prompts_are_covered_as_often_as_stated_in_every_band(coverage: float) -> None:
    bounds = fit_length_bounds(*lengths(4000), TIERS, coverage=coverage)
    expected, recorded = lengths(4000, seed=1)
    covered = recorded <= bounds.upper(expected)
    for tier in range(2):
        band = np.searchsorted(bounds.edges[tier], expected[:, tier], side="right")
        shares = [covered[band == one, tier].mean() for one in range(4)]
        assert np.abs(np.array(shares) - coverage).max() < 0.05


def test_one_factor_for_all_misses_where_lengths_vary_more() -> None:
    expected, recorded = lengths(4000, seed=1)
    one = fit_length_bounds(*lengths(4000), TIERS, bands=1)
    longest = expected[:, 0] > np.quantile(expected[:, 0], 0.75)
    assert (recorded <= one.upper(expected))[longest, 0].mean() < 0.87


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(120, 400), st.floats(0.5, 0.95))
def test_calibration_prompts_themselves_are_covered(seed: int, n: int, coverage: float) -> None:
    expected, recorded = lengths(n, seed)
    bounds = fit_length_bounds(expected, recorded, TIERS, coverage=coverage, bands=1)
    assert ((recorded <= bounds.upper(expected) + 1e-6).mean(axis=0) >= coverage).all()


def test_unknown_lengths_count_for_nothing() -> None:
    expected, recorded = lengths(400)
    holes = np.vstack([recorded, np.full_like(recorded, np.nan)])
    bounds = fit_length_bounds(expected, recorded, TIERS)
    again = fit_length_bounds(np.vstack([expected, expected]), holes, TIERS)
    np.testing.assert_array_equal(bounds.factors, again.factors)
    assert bounds.counts.sum(axis=1).tolist() == [400, 400]


def test_a_band_without_prompts_takes_the_factor_of_all() -> None:
    expected, recorded = lengths(400)
    alike = fit_length_bounds(np.full_like(expected, 50.0), recorded, TIERS)
    assert (np.unique(alike.factors[0]).size, np.isfinite(alike.factors).all()) == (1, True)


def test_estimated_lengths_are_not_counted(made_up: OutcomeTable) -> None:
    flags = np.full(len(made_up), "", dtype="U40")
    flags[:3] = [ESTIMATED, f"contaminated|{ESTIMATED}", "contaminated"]
    counted = counted_lengths(replace(made_up, flags=flags))
    assert np.isnan(counted[:2]).all()
    np.testing.assert_array_equal(counted[2:], made_up.output_tokens[2:])


@pytest.mark.parametrize(
    ("n", "options", "words"),
    [
        (100, {}, "100 counted output lengths, at least 120"),
        (400, {"coverage": 0.999}, "at least 3996"),
        (400, {"coverage": 1.0}, "coverage must lie between 0 and 1"),
        (400, {"bands": 0}, "at least 1 band"),
    ],
)
def test_bounds_that_cannot_be_had_are_refused(n: int, options: dict, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        fit_length_bounds(*lengths(n), TIERS, **options)


def heads_of_expected() -> object:
    """Return a graph whose output is its input."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["given"], ["output_tokens"])],
        "heads",
        [value("given", TensorProto.FLOAT, ["n", 2])],
        [value("output_tokens", TensorProto.FLOAT, ["n", 2])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_the_graph_gives_the_same_bounds_as_the_numbers() -> None:
    bounds = fit_length_bounds(*lengths(1000), TIERS)
    model = add_upper_bounds(heads_of_expected(), bounds)
    session = ort.InferenceSession(model.SerializeToString())
    expected = lengths(1000, seed=2)[0].astype(np.float32)
    (upper,) = session.run(["output_tokens_upper"], {"given": expected})
    np.testing.assert_allclose(upper, bounds.upper(expected.astype(np.float64)), rtol=1e-4)


def test_bounds_are_put_into_a_graph_once_and_for_its_own_tiers() -> None:
    bounds = fit_length_bounds(*lengths(1000), TIERS)
    model = add_upper_bounds(heads_of_expected(), bounds)
    with pytest.raises(TrainingError, match="no 'output_tokens_upper' yet"):
        add_upper_bounds(model, bounds)
    three = LengthBounds(0.9, np.ones((3, 1)), np.ones((3, 2)), np.ones((3, 2), dtype=np.int64))
    with pytest.raises(TrainingError, match="bounds of 3 tiers"):
        add_upper_bounds(heads_of_expected(), three)
