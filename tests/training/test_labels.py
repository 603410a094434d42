"""From outcomes to examples: thresholds, peers, and the refusals of data that cannot teach."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import DIMENSION, N_FEATURES, made_up_outcomes, with_quality, write_catalog

from eval.outcomes import OutcomeTable
from router.catalog import Catalog, load_catalog
from router.errors import TrainingError
from training.labels import FEWEST_EXAMPLES, examples_of, peers_of, rows_with_tiers

NAN = np.nan


def everything(table: OutcomeTable) -> np.ndarray:
    return np.ones(len(table), dtype=np.bool_)


def test_a_reference_model_without_outcomes_is_named_with_the_models_there_are(
    catalog: Catalog,
) -> None:
    table = made_up_outcomes(120)
    table = replace(table, models=("other", *table.models[1:]))
    with pytest.raises(TrainingError, match=r"\['mini'\].*'maxi'.*'other'") as caught:
        rows_with_tiers(table, catalog)
    assert caught.value.reason == "REFERENCE_MODEL_MISSING"


def test_prompts_without_an_outcome_of_every_tier_are_left_out_and_all_models_kept(
    catalog: Catalog,
) -> None:
    table = made_up_outcomes(200)
    quality = np.ones(200)
    quality[::4] = NAN
    usable = rows_with_tiers(with_quality(table, "midi", quality), catalog)
    assert len(usable) == 150
    assert usable.models == table.models


def test_a_gap_in_a_model_that_is_no_reference_costs_no_prompt(catalog: Catalog) -> None:
    table = with_quality(made_up_outcomes(120), "midi-b", NAN)
    assert len(rows_with_tiers(table, catalog)) == 120


@pytest.mark.parametrize("known", [FEWEST_EXAMPLES - 1, FEWEST_EXAMPLES])
def test_fewer_complete_prompts_than_the_least_are_refused(catalog: Catalog, known: int) -> None:
    quality = np.where(np.arange(150) < known, 1.0, NAN)
    table = with_quality(made_up_outcomes(150), "maxi", quality)
    if known >= FEWEST_EXAMPLES:
        assert len(rows_with_tiers(table, catalog)) == known
        return
    with pytest.raises(TrainingError, match=r"only 99 prompts .* at least 100") as caught:
        rows_with_tiers(table, catalog)
    assert caught.value.reason == "TOO_FEW_EXAMPLES"


@pytest.mark.parametrize(
    ("threshold", "adequate"),
    [(0.5, [0, 0, 1, 1, 1]), (0.8, [0, 0, 0, 1, 1]), (1.0, [0] * 4 + [1])],
)
def test_an_answer_is_adequate_from_the_catalogs_threshold_on(
    tmp_path, threshold: float, adequate: list[int]
) -> None:
    catalog = load_catalog(write_catalog(tmp_path / "c.toml", adequate_quality=threshold))
    table = made_up_outcomes(5)
    table = with_quality(table, "mini", np.array([0.0, 0.49, 0.5, 0.8, 1.0]))
    examples = examples_of(table, catalog, everything(table))
    assert examples.adequate[:, 0].tolist() == adequate


def test_inputs_are_vector_then_features_in_float32(catalog: Catalog) -> None:
    table = made_up_outcomes(7)
    examples = examples_of(table, catalog, everything(table))
    assert examples.inputs.dtype == np.float32
    assert examples.inputs.shape == (7, DIMENSION + N_FEATURES)
    np.testing.assert_array_equal(examples.inputs[:, :DIMENSION], table.vectors)
    np.testing.assert_array_equal(examples.inputs[:, DIMENSION:], table.features)


def test_unknown_output_lengths_stay_unknown(catalog: Catalog) -> None:
    table = made_up_outcomes(4)
    tokens = table.output_tokens.copy()
    tokens[2, table.models.index("midi")] = NAN
    examples = examples_of(replace(table, output_tokens=tokens), catalog, everything(table))
    assert np.argwhere(np.isnan(examples.output_tokens)).tolist() == [[2, 1]]


def test_peers_are_the_models_nearest_in_mean_quality_the_model_itself_first() -> None:
    means = [0.5, 0.9, 0.45, 0.7, 0.52, 0.1, 0.4, 0.61]
    quality = np.tile(means, (10, 1))
    assert peers_of(quality, 0) == [0, 4, 2, 6, 7, 3]


def test_a_model_with_outcomes_of_fewer_than_half_of_the_prompts_is_no_peer() -> None:
    quality = np.tile([0.5, 0.5, 0.9], (10, 1))
    quality[:5, 1] = NAN
    assert peers_of(quality, 0) == [0, 1, 2]
    quality[5, 1] = NAN
    assert peers_of(quality, 0) == [0, 2]


def test_nearness_is_measured_on_the_prompts_both_models_have() -> None:
    own = np.array([0.0] * 5 + [1.0] * 5)
    on_hard_half_only = np.array([0.0] * 5 + [NAN] * 5)  # mean 0, but there the model has 0 too
    alike_in_mean = np.full(10, 0.6)
    assert peers_of(np.column_stack([own, alike_in_mean, on_hard_half_only]), 0) == [0, 2, 1]


def test_peer_quality_is_the_mean_of_the_peers_that_have_an_outcome(catalog: Catalog) -> None:
    table = made_up_outcomes(4)
    for model in table.models:
        table = with_quality(table, model, NAN)
    for model, values in {
        "mini": [0, 0, 1, 1], "midi": [0, 1, 1, 1], "maxi": 1.0, "mini-b": [1, NAN, 0, NAN]
    }.items():  # fmt: skip
        table = with_quality(table, model, np.asarray(values, dtype=np.float32))
    examples = examples_of(table, catalog, everything(table))
    of_four, of_three = [(0 + 0 + 1 + 1) / 4, (0 + 1 + 1) / 3], [(1 + 1 + 1 + 0) / 4, 1.0]
    np.testing.assert_allclose(examples.peer_quality[:, 0], of_four + of_three)


def test_held_out_outcomes_have_no_say_in_who_is_a_peer(
    made_up: OutcomeTable, parts: np.ndarray, catalog: Catalog
) -> None:
    many = tuple(f"extra-{i}" for i in range(6))
    rng = np.random.default_rng(0)
    extra = (rng.random((len(made_up), 6)) < np.linspace(0.2, 0.8, 6)).astype(np.float32)
    table = replace(
        made_up,
        models=made_up.models + many,
        quality=np.hstack([made_up.quality, extra]),
        output_tokens=np.hstack([made_up.output_tokens, extra]),
    )
    upside_down = table.quality.copy()
    upside_down[parts != "train"] = 1 - upside_down[parts != "train"]
    learn = parts == "train"
    as_it_is = examples_of(table, catalog, learn).select(learn)
    altered = examples_of(replace(table, quality=upside_down), catalog, learn).select(learn)
    np.testing.assert_array_equal(as_it_is.peer_quality, altered.peer_quality)
