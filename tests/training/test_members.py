"""The learners one by one: what they see, what they give, and that a seed repeats them."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import DIMENSION

from router.errors import TrainingError
from training.labels import Examples
from training.lengths import FEWEST_LENGTHS, Lengths, fit_lengths
from training.members import (
    CLIP,
    TreeSettings,
    fit_booster,
    fit_linear,
    fit_stack,
    fit_trees,
    logit,
    sigmoid,
)

QUICK = TreeSettings(rounds=20)
TIERS = ("small", "medium", "large")


@pytest.fixture(scope="module")
def train(examples: dict[str, Examples]) -> Examples:
    return examples["train"]


def test_the_linear_member_gives_float32_weights_and_probabilities(train: Examples) -> None:
    linear = fit_linear(train, strength=0.003)
    assert linear.weights.dtype == linear.bias.dtype == np.float32
    assert linear.weights.shape == (train.inputs.shape[1], 3)
    probabilities = linear.probabilities(train.inputs)
    assert probabilities.shape == (len(train), 3)
    assert ((probabilities > 0) & (probabilities < 1)).all()


@pytest.mark.parametrize(("label", "expected"), [(0.0, CLIP), (1.0, 1 - CLIP)])
def test_a_tier_with_one_class_gets_a_constant_linear_head(
    train: Examples, label: float, expected: float
) -> None:
    adequate = train.adequate.copy()
    adequate[:, 2] = label
    linear = fit_linear(replace(train, adequate=adequate), strength=0.003)
    assert not linear.weights[:, 2].any()
    np.testing.assert_allclose(linear.probabilities(train.inputs)[:, 2], expected, rtol=1e-4)


def test_trees_keep_within_the_clip(train: Examples) -> None:
    probabilities = fit_trees(train, DIMENSION, QUICK, seed=0).probabilities(train.inputs)
    assert probabilities.min() >= CLIP
    assert probabilities.max() <= 1 - CLIP


def test_shape_trees_never_look_at_the_vector(train: Examples) -> None:
    settings = replace(QUICK, columns=1.0, features_only=True)
    booster = fit_booster(train.inputs, train.adequate[:, 0], DIMENSION, settings, seed=0)
    splits = booster.feature_importance("split")
    assert splits[DIMENSION:].sum() > 0
    assert splits[:DIMENSION].sum() == 0


def test_a_booster_does_not_change_the_inputs_it_is_given(train: Examples) -> None:
    before = train.inputs.copy()
    fit_booster(
        train.inputs, train.adequate[:, 0], DIMENSION, replace(QUICK, features_only=True), 0
    )
    np.testing.assert_array_equal(train.inputs, before)


def test_a_seed_repeats_the_trees_and_another_grows_others(train: Examples) -> None:
    def grown(seed: int) -> str:
        booster = fit_booster(train.inputs, train.adequate[:, 0], DIMENSION, QUICK, seed)
        return booster.model_to_string().split("parameters:")[0]

    assert grown(0) == grown(0)
    assert grown(0) != grown(1)


def test_the_stack_learns_from_peers_and_answers_for_the_tiers(train: Examples) -> None:
    stack = fit_stack(train, DIMENSION, (QUICK, replace(QUICK, features_only=True)), seed=0)
    assert len(stack.boosters) == stack.weights.shape[0] == 6
    assert stack.weights.dtype == stack.bias.dtype == np.float32
    probabilities = stack.probabilities(train.inputs)
    assert probabilities.shape == (len(train), 3)
    easy_first = np.argsort(train.inputs[:, DIMENSION])
    third = len(train) // 3
    assert (
        probabilities[easy_first[:third]].mean(0) > probabilities[easy_first[-third:]].mean(0)
    ).all()


def test_a_stack_on_one_duplicate_group_is_refused(train: Examples) -> None:
    with pytest.raises(TrainingError, match=r"1 duplicate group.*check the column 'group'"):
        fit_stack(replace(train, groups=np.full(len(train), "g")), DIMENSION, (QUICK,), seed=0)


def test_logit_and_sigmoid_undo_each_other() -> None:
    probabilities = np.linspace(CLIP, 1 - CLIP, 50)
    np.testing.assert_allclose(sigmoid(logit(probabilities)), probabilities, rtol=1e-12)


def test_lengths_are_expectations_not_medians(lengths: Lengths, examples) -> None:
    test = examples["test"]
    predicted, actual = lengths.tokens(test.inputs), test.output_tokens
    assert predicted.shape == actual.shape
    np.testing.assert_allclose(predicted.mean(0), actual.mean(0), rtol=0.15)
    assert (lengths.smear > 1).all()


def test_longer_answers_are_seen_coming(lengths: Lengths, examples) -> None:
    test = examples["test"]
    for tier in range(3):
        assert (
            np.corrcoef(lengths.tokens(test.inputs)[:, tier], test.output_tokens[:, tier])[0, 1]
            > 0.7
        )


@pytest.mark.parametrize(
    ("part", "known"), [("train", FEWEST_LENGTHS - 1), ("validation", FEWEST_LENGTHS // 2 - 1)]
)
def test_a_tier_with_too_few_known_lengths_is_named(examples, part: str, known: int) -> None:
    tokens = examples[part].output_tokens.copy()
    tokens[known:, 1] = np.nan
    given = examples | {part: replace(examples[part], output_tokens=tokens)}
    with pytest.raises(
        TrainingError, match=f"tier 'medium'.* {known} .*add output_tokens"
    ) as caught:
        fit_lengths(given["train"], given["validation"], TIERS, DIMENSION, seed=0)
    assert caught.value.reason == "TOO_FEW_LENGTHS"
