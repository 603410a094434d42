"""A fitted candidate and its lengths as one ONNX graph; a student's is ``student_graph``.

All boosters become one TreeEnsembleRegressor with an output column each, so the serving runtime
walks all trees in a single node; onnxmltools translates each booster, and its attributes are joined
here. Everything is float32.
"""

from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
import onnx
from onnx import helper
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from router.errors import TrainingError
from training.candidates import Candidate, Member
from training.graph_builder import GraphBuilder, heads_model
from training.lengths import Lengths
from training.members import Linear, Trees
from training.network import Network


def build_heads(
    candidate: Candidate, lengths: Lengths, *, dimension: int, n_features: int
) -> onnx.ModelProto:
    """Return the heads as one graph.

    It takes vector (n, dimension) and features (n, n_features) and gives adequacy and output_tokens
    (n, T), all float32.

    Raises:
        TrainingError: a booster cannot be translated, or the graph does not pass ONNX's checker.
    """
    builder = GraphBuilder()
    inputs = builder.node("Concat", "vector", "features", axis=1)
    distinct = list({id(member): member for member in candidate.members}.values())
    boosters: list[lgb.Booster] = []
    columns_of: dict[int, list[int]] = {}
    for member in distinct:
        if not isinstance(member, Linear | Network):
            first = len(boosters)
            boosters.extend(member.boosters)
            columns_of[id(member)] = list(range(first, len(boosters)))
    length_columns = list(range(len(boosters), len(boosters) + len(lengths.boosters)))
    boosters.extend(lengths.boosters)
    scores = builder.node(
        "TreeEnsembleRegressor",
        inputs,
        domain="ai.onnx.ml",
        **_joined_trees(boosters, dimension + n_features),
    )

    def take(columns: list[int]) -> str:
        return builder.node("Gather", scores, builder.constant(columns, np.int64), axis=1)

    parts = {
        id(member): _member(builder, member, inputs, take, columns_of.get(id(member), []))
        for member in distinct
    }
    mean = builder.node("Mean", *[parts[id(member)] for member in candidate.members])
    scaled = builder.node(
        "Mul", builder.logit(builder.clip(mean)), builder.constant(candidate.calibration.slope)
    )
    shifted = builder.node("Add", scaled, builder.constant(candidate.calibration.offset))
    builder.node("Sigmoid", shifted, output="adequacy")
    expected = builder.node(
        "Mul", builder.node("Exp", take(length_columns)), builder.constant(lengths.smear)
    )
    less_one = builder.node("Sub", expected, builder.constant(1.0))
    builder.node("Max", less_one, builder.constant(0.0), output="output_tokens")
    return heads_model(builder, dimension, n_features, len(lengths.boosters))


def _member(
    builder: GraphBuilder, member: Member, inputs: str, take: Any, columns: list[int]
) -> str:
    if isinstance(member, Trees):
        return builder.clip(take(columns))
    if isinstance(member, Network):
        return _network(builder, member, inputs)
    source = inputs if isinstance(member, Linear) else builder.logit(builder.clip(take(columns)))
    product = builder.node(
        "Gemm", source, builder.constant(member.weights), builder.constant(member.bias)
    )
    return builder.node("Sigmoid", product)


def _network(builder: GraphBuilder, member: Network, inputs: str) -> str:
    values = builder.node("Max", inputs, builder.constant(member.low))
    values = builder.node("Min", values, builder.constant(member.high))
    for number, (weights, bias) in enumerate(member.layers):
        if number:
            values = builder.node("Relu", values)
        values = builder.node("Gemm", values, builder.constant(weights), builder.constant(bias))
    return builder.node("Sigmoid", values)


def _joined_trees(boosters: Sequence[lgb.Booster], width: int) -> dict[str, Any]:
    """Join the translated boosters: tree ids are shifted, each booster gets its own target."""
    joined: dict[str, list[Any]] = {}
    trees = 0
    for target, booster in enumerate(boosters):
        attributes = _translated(booster, width)
        count = max(attributes["nodes_treeids"]) + 1
        for name in ("nodes_treeids", "target_treeids"):
            attributes[name] = [tree + trees for tree in attributes[name]]
        attributes["target_ids"] = [target] * len(attributes["target_ids"])
        for name, values in attributes.items():
            joined.setdefault(name, []).extend(values)
        trees += count
    return {**joined, "n_targets": len(boosters), "post_transform": "NONE"}


def _translated(booster: lgb.Booster, width: int) -> dict[str, Any]:
    model = convert_lightgbm(
        booster, initial_types=[("x", FloatTensorType([None, width]))], target_opset=15
    )
    nodes = [node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor"]
    others = {node.op_type for node in model.graph.node} - {"TreeEnsembleRegressor", "Identity"}
    if len(nodes) != 1 or others:
        raise TrainingError(
            f"onnxmltools gave operators {sorted(others)} beside one tree ensemble; joining knows "
            "none of them: pin onnxmltools as constraints.txt does"
        )
    attributes = {item.name: helper.get_attribute_value(item) for item in nodes[0].attribute}
    if attributes.pop("n_targets") != 1 or attributes.pop("post_transform") != b"NONE":
        raise TrainingError("a booster has more than one target, or a transformation of its sum")
    attributes.pop("aggregate_function", None)
    if any(attributes.pop("base_values", [])):
        raise TrainingError("a booster has a base value; joining knows none")
    return {name: list(values) for name, values in attributes.items()}
