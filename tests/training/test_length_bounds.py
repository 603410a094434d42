"""Upper output lengths cover what they say, per band, and travel in the artifact."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import ENCODER, made_up_outcomes

from eval.outcomes import OutcomeTable
from eval.split import PARTS, assign_split
from router.catalog import Catalog
from router.errors import TrainingError
from router.predict.artifact import load_artifact
from training.build import fit_and_export
from training.cost_interval import interval_table
from training.length_bounds import (
    ESTIMATED,
    QUANTILES,
    counted_lengths,
    fit_length_bounds,
    upper_lengths,
)
from training.settings import FRACTIONS, Settings

TIERS = ("small", "large")


def models_of(catalog: Catalog) -> list[str]:
    return [tier.reference_model for tier in catalog.tiers]


def lengths(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return expected and recorded tokens of two tiers; long answers vary more than short ones."""
    rng = np.random.default_rng(seed)
    expected = np.exp(rng.uniform(2, 7, (n, 2)))
    spread = 0.1 + 0.15 * np.log(expected)
    return expected, np.round(expected * np.exp(spread * rng.normal(size=(n, 2))))


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_new_prompts_are_covered_as_often_as_stated_in_every_band(coverage: float) -> None:
    bounds = fit_length_bounds(*lengths(4000), TIERS, coverage=coverage)
    expected, recorded = lengths(4000, seed=1)
    covered = recorded <= upper_lengths(bounds, expected)
    for tier in range(2):
        band = np.searchsorted(bounds.edges[tier], expected[:, tier], side="right")
        shares = [covered[band == one, tier].mean() for one in range(4)]
        assert np.abs(np.array(shares) - coverage).max() < 0.05


@pytest.mark.parametrize("probability", QUANTILES)
def test_calibrated_quantiles_cover_new_prompts_in_every_band(probability: float) -> None:
    bounds = fit_length_bounds(*lengths(4000), TIERS)
    expected, recorded = lengths(4000, seed=1)
    for tier in range(2):
        quantile = [bounds.quantile(tier, one, probability) for one in expected[:, tier].tolist()]
        below = recorded[:, tier] <= quantile
        band = np.searchsorted(bounds.edges[tier], expected[:, tier], side="right")
        shares = [below[band == one].mean() for one in range(4)]
        assert np.abs(np.array(shares) - probability).max() < 0.05


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100.0), st.floats(0.0, 5000.0))
def test_quantiles_never_cross_the_upper_length(seed: int, scale: float, expected: float) -> None:
    said, recorded = lengths(200, seed)
    bounds = fit_length_bounds(said, recorded * scale, TIERS)
    median, high = (bounds.quantile(0, expected, share) for share in QUANTILES)
    assert median <= bounds.upper(0, expected) <= high


def test_one_factor_for_all_misses_where_lengths_vary_more() -> None:
    expected, recorded = lengths(4000, seed=1)
    one = fit_length_bounds(*lengths(4000), TIERS, bands=1)
    longest = expected[:, 0] > np.quantile(expected[:, 0], 0.75)
    assert (recorded <= upper_lengths(one, expected))[longest, 0].mean() < 0.87


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(120, 400), st.floats(0.5, 0.95))
def test_calibration_prompts_themselves_are_covered(seed: int, n: int, coverage: float) -> None:
    expected, recorded = lengths(n, seed)
    bounds = fit_length_bounds(expected, recorded, TIERS, coverage=coverage, bands=1)
    assert ((recorded <= upper_lengths(bounds, expected) + 1e-6).mean(axis=0) >= coverage).all()


def test_unknown_lengths_count_for_nothing() -> None:
    expected, recorded = lengths(400)
    holes = np.vstack([recorded, np.full_like(recorded, np.nan)])
    bounds = fit_length_bounds(expected, recorded, TIERS)
    again = fit_length_bounds(np.vstack([expected, expected]), holes, TIERS)
    assert again == bounds


def test_a_band_without_prompts_takes_the_factor_of_all() -> None:
    expected, recorded = lengths(400)
    alike = fit_length_bounds(np.full_like(expected, 50.0), recorded, TIERS)
    assert len(set(alike.factors[0])) == 1


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


def test_serving_gives_each_prompt_the_bound_that_training_gives_all() -> None:
    bounds = fit_length_bounds(*lengths(400), TIERS)
    expected = np.vstack([lengths(200, seed=2)[0], np.array(bounds.edges).T])
    one_by_one = [
        [bounds.upper(tier, value) for tier, value in enumerate(row)] for row in expected.tolist()
    ]
    np.testing.assert_allclose(upper_lengths(bounds, expected), one_by_one, rtol=1e-12)


def test_a_bound_is_never_below_what_is_expected() -> None:
    expected, recorded = lengths(400)
    bounds = fit_length_bounds(expected, recorded / 100, TIERS)
    assert bounds.factors == ((1.0,) * 4,) * 2


def test_an_artifact_carries_bounds_that_cover_its_validation_part(
    catalog: Catalog, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    table = made_up_outcomes(prompts=800)
    options = Settings(
        encoder=ENCODER, catalog=made_up_catalog_file, candidate="logistic", prior=None
    )
    fit_and_export(options, catalog, table, tmp_path / "artifact", lambda _: None)
    artifact = load_artifact(tmp_path / "artifact")
    assert artifact.length_bounds is not None
    assert [one.probability for one in artifact.length_bounds.quantiles] == list(QUANTILES)
    measured = interval_table(artifact, catalog, table.for_models(models_of(catalog)), 0)
    assert measured.count("calibrated") == measured.count("derived") == 2 * (len(catalog.tiers) + 1)
    used = table.select(assign_split(table.group, options.seed, FRACTIONS) == PARTS[1])
    used = used.for_models(models_of(catalog))
    _, expected = artifact.heads.run(used.vectors, used.features)
    upper = upper_lengths(artifact.length_bounds, expected.astype(np.float64))
    # The graph computes in float32, so a length that lies on its bound may fall to either side.
    covered = (used.output_tokens <= upper + 0.01).mean(axis=0)
    assert (covered >= artifact.length_bounds.coverage).all()


def test_too_few_counted_lengths_are_told_and_leave_the_artifact_without_bounds(
    made_up: OutcomeTable, catalog: Catalog, made_up_catalog_file: Path, tmp_path: Path
) -> None:
    options = Settings(
        encoder=ENCODER, catalog=made_up_catalog_file, candidate="logistic", prior=None
    )
    told: list[str] = []
    few = made_up.select(np.arange(300))
    estimated = replace(few, flags=np.full(len(few), ESTIMATED))
    fit_and_export(options, catalog, estimated, tmp_path / "artifact", told.append)
    assert [line for line in told if "no upper output lengths: tier 'small': 0 counted" in line]
    assert load_artifact(tmp_path / "artifact").length_bounds is None
