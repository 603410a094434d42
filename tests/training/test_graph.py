"""The exported graph gives what was fitted, for every candidate, and always the same bytes."""

import lightgbm as lgb
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from synthetic import DIMENSION, N_FEATURES

from router.errors import TrainingError
from training.candidates import CANDIDATES, Candidate, fit_and_choose
from training.graph import _joined_trees, build_heads
from training.labels import Examples
from training.lengths import Lengths
from training.members import Trees, TreeSettings, fit_booster

NAMES = list(CANDIDATES)
WIDTH = DIMENSION + N_FEATURES


def run(model: onnx.ModelProto, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    adequacy, tokens = session.run(
        ["adequacy", "output_tokens"],
        {"vector": inputs[:, :DIMENSION], "features": inputs[:, DIMENSION:]},
    )
    return adequacy, tokens


@pytest.fixture(scope="module")
def graphs(candidates: dict[str, Candidate], lengths: Lengths) -> dict[str, onnx.ModelProto]:
    return {
        name: build_heads(candidate, lengths, dimension=DIMENSION, n_features=N_FEATURES)
        for name, candidate in candidates.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_gives_what_was_fitted(
    graphs,
    candidates: dict[str, Candidate],
    lengths: Lengths,
    examples: dict[str, Examples],
    name: str,
) -> None:
    inputs = examples["test"].inputs
    adequacy, tokens = run(graphs[name], inputs)
    np.testing.assert_allclose(adequacy, candidates[name].adequacy(inputs), atol=1e-5)
    np.testing.assert_allclose(tokens, lengths.tokens(inputs), rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_gives_what_single_rows_give(graphs, examples, name: str) -> None:
    inputs = examples["test"].inputs[:20]
    singly = [run(graphs[name], inputs[[row]]) for row in range(len(inputs))]
    for at, together in enumerate(run(graphs[name], inputs)):
        np.testing.assert_allclose(together, np.vstack([one[at] for one in singly]), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_and_outputs_are_named_and_shaped_as_documented(graphs, name: str) -> None:
    session = ort.InferenceSession(graphs[name].SerializeToString())

    def described(nodes) -> dict[str, tuple[str, list[object]]]:
        return {node.name: (node.type, node.shape) for node in nodes}

    assert described(session.get_inputs()) == {
        "vector": ("tensor(float)", ["n", DIMENSION]),
        "features": ("tensor(float)", ["n", N_FEATURES]),
    }
    assert described(session.get_outputs()) == {
        "adequacy": ("tensor(float)", ["n", 3]),
        "output_tokens": ("tensor(float)", ["n", 3]),
    }


@pytest.mark.parametrize("name", NAMES)
def test_no_number_in_the_graph_is_wider_than_float32(graphs, name: str) -> None:
    graph = graphs[name].graph
    # Indices are int64 because Gather wants them so.
    assert {tensor.data_type for tensor in graph.initializer} <= {
        TensorProto.FLOAT,
        TensorProto.INT64,
    }
    assert "Cast" not in {node.op_type for node in graph.node}


@pytest.mark.parametrize("name", NAMES)
def test_all_trees_stand_in_one_node(graphs, name: str) -> None:
    operators = [node.op_type for node in graphs[name].graph.node]
    assert operators.count("TreeEnsembleRegressor") == 1


def test_fitting_again_gives_the_same_bytes(
    graphs, candidates: dict[str, Candidate], lengths: Lengths, examples: dict[str, Examples]
) -> None:
    name = "stack mixture"
    again = fit_and_choose(
        examples["train"], examples["validation"], dimension=DIMENSION, seed=0, only=name
    )
    graph = build_heads(again.chosen, lengths, dimension=DIMENSION, n_features=N_FEATURES)
    first = graphs[name].SerializeToString(deterministic=True)
    assert graph.SerializeToString(deterministic=True) == first


def test_outputs_stay_in_range_far_outside_of_what_was_seen(graphs) -> None:
    rng = np.random.default_rng(5)
    wild = rng.normal(scale=1e3, size=(50, WIDTH)).astype(np.float32)
    for graph in graphs.values():
        adequacy, tokens = run(graph, wild)
        assert ((adequacy >= 0) & (adequacy <= 1)).all()
        assert np.isfinite(tokens).all()
        assert (tokens >= 0).all()


def ensemble(boosters: list[lgb.Booster]) -> ort.InferenceSession:
    """Return a graph of nothing but the joined trees."""
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", **_joined_trees(boosters, WIDTH)
    )
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, len(boosters)])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 9
    return ort.InferenceSession(model.SerializeToString())


def test_joining_keeps_the_sum_of_each_booster(examples: dict[str, Examples]) -> None:
    """Boosters of different lengths, one of them a single leaf: a constant target."""
    train, test = examples["train"], examples["test"]
    targets = [train.adequate[:, 0], np.full(len(train), 0.25), train.output_tokens[:, 1]]
    boosters = [
        fit_booster(train.inputs, target, DIMENSION, TreeSettings(rounds=rounds), seed)
        for seed, (target, rounds) in enumerate(zip(targets, (7, 3, 30), strict=True))
    ]
    (joined,) = ensemble(boosters).run(None, {"x": test.inputs})
    alone = np.stack([booster.predict(test.inputs) for booster in boosters], axis=1)
    np.testing.assert_allclose(joined, alone, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(joined[:, 1], 0.25, rtol=1e-6)


def test_the_order_of_boosters_is_the_order_of_columns(examples: dict[str, Examples]) -> None:
    train = examples["train"]
    boosters = [
        fit_booster(train.inputs, train.adequate[:, tier], DIMENSION, TreeSettings(rounds=5), 0)
        for tier in range(3)
    ]
    (there,) = ensemble(boosters).run(None, {"x": train.inputs})
    (back,) = ensemble(boosters[::-1]).run(None, {"x": train.inputs})
    np.testing.assert_array_equal(there, back[:, ::-1])


def test_a_booster_that_is_no_plain_sum_is_refused(
    candidates: dict[str, Candidate], examples: dict[str, Examples]
) -> None:
    train = examples["train"]
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1}
    booster = lgb.train(settings, lgb.Dataset(train.inputs, train.adequate[:, 0]), 3)
    member = Trees((booster,) * 3)
    with pytest.raises(TrainingError, match=r"joining knows none|transformation of its sum"):
        _joined_trees(list(member.boosters), WIDTH)
