"""Novelty is a quantile among what was learnt, the same in the graph as fitted, and only told."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
from synthetic import DIMENSION, N_FEATURES

from router.predict.heads import Heads
from training.graph_builder import GraphBuilder, heads_model
from training.labels import Examples
from training.novelty import Novelty, add_novelty, fit_novelty


@pytest.fixture(scope="module")
def novelty(examples: dict[str, Examples]) -> Novelty:
    return fit_novelty(examples["train"], 0)


def test_prompts_like_those_learnt_have_every_novelty_alike_often(
    novelty: Novelty, examples: dict[str, Examples]
) -> None:
    scores = novelty.of(examples["test"].inputs)[:, 0]
    assert 0.0 <= scores.min() < 0.2
    # Halves of few prompts fit the distance less well than all of them: scores err to the low side.
    assert 0.1 < np.mean(scores > 0.5) < 0.6


def test_a_prompt_far_from_all_that_was_learnt_is_wholly_novel(
    novelty: Novelty, examples: dict[str, Examples]
) -> None:
    far = examples["test"].inputs + 50.0
    assert novelty.of(far).min() == pytest.approx(1.0)


def test_novelty_grows_with_distance(novelty: Novelty, examples: dict[str, Examples]) -> None:
    middle = examples["train"].inputs.mean(axis=0)
    way = np.linspace(0.0, 3.0, 12)[:, None] * (examples["test"].inputs[0] - middle)
    scores = novelty.of((middle + way).astype(np.float32))[:, 0]
    assert (np.diff(scores) >= 0.0).all()


def test_copies_of_a_prompt_count_once(examples: dict[str, Examples]) -> None:
    train = examples["train"]
    rows = np.concatenate([np.arange(len(train)), np.zeros(300, dtype=np.intp)])
    once, often = fit_novelty(train, 0), fit_novelty(train.select(rows), 0)
    np.testing.assert_allclose(once.distances, often.distances, rtol=1e-4)


def test_the_graph_gives_the_same_and_leaves_the_prediction_alone(
    novelty: Novelty, examples: dict[str, Examples]
) -> None:
    builder = GraphBuilder()
    both = builder.node("Concat", "vector", "features", axis=1)
    weights = np.random.default_rng(0).normal(size=(DIMENSION + N_FEATURES, 3)).astype(np.float32)
    linear = builder.node("MatMul", both, builder.constant(weights))
    builder.node("Sigmoid", linear, output="adequacy")
    builder.node("Relu", linear, output="output_tokens")
    plain = heads_model(builder, DIMENSION, N_FEATURES, 3)
    joined = add_novelty(plain, novelty)
    inputs = examples["test"].inputs[:50]
    given = inputs[:, :DIMENSION].copy(), inputs[:, DIMENSION:].copy()
    without, beside = (
        Heads(
            ort.InferenceSession(model.SerializeToString()),
            dimension=DIMENSION,
            n_features=N_FEATURES,
            n_tiers=3,
        )
        for model in (plain, joined)
    )
    assert len(without.run_all(*given)) == 2
    adequacy, tokens, scores = beside.run_all(*given)
    np.testing.assert_array_equal(adequacy, without.run(*given)[0])
    np.testing.assert_array_equal(tokens, without.run(*given)[1])
    np.testing.assert_allclose(scores, novelty.of(inputs), atol=1e-4)


def test_quantiles_of_equal_distances_still_grow(examples: dict[str, Examples]) -> None:
    few = examples["train"].select(np.arange(40))
    same = replace(few, inputs=np.repeat(few.inputs[:20], 2, axis=0))
    assert (np.diff(fit_novelty(same, 0).distances) > 0.0).all()
