"""A fitted candidate and its lengths as one ONNX graph.

All boosters become one TreeEnsembleRegressor with an output column each, so the serving runtime
walks all trees in a single node; onnxmltools translates each booster, and its attributes are joined
here. Everything is float32.
"""

from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from router.errors import TrainingError
from training.candidates import Candidate, Member
from training.lengths import Lengths
from training.members import CLIP, Linear, Trees
from training.network import Network

OPSET = 18
ML_OPSET = 3
IR_VERSION = 9


class _Builder:
    """Collects nodes and constants under fresh names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def clip(self, name: str) -> str:
        return self.node("Clip", name, self.constant(CLIP), self.constant(1.0 - CLIP))

    def logit(self, name: str) -> str:
        rest = self.node("Sub", self.constant(1.0), name)
        return self.node("Log", self.node("Div", name, rest))


def build_heads(
    candidate: Candidate, lengths: Lengths, *, dimension: int, n_features: int
) -> onnx.ModelProto:
    """Return the heads as one graph.

    It takes vector (n, dimension) and features (n, n_features) and gives adequacy and output_tokens
    (n, T), all float32.

    Raises:
        TrainingError: a booster cannot be translated, or the graph does not pass ONNX's checker.
    """
    builder = _Builder()
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
    return _model(builder, dimension, n_features, len(lengths.boosters))


def _member(builder: _Builder, member: Member, inputs: str, take: Any, columns: list[int]) -> str:
    if isinstance(member, Trees):
        return builder.clip(take(columns))
    if isinstance(member, Network):
        return _network(builder, member, inputs)
    source = inputs if isinstance(member, Linear) else builder.logit(builder.clip(take(columns)))
    product = builder.node(
        "Gemm", source, builder.constant(member.weights), builder.constant(member.bias)
    )
    return builder.node("Sigmoid", product)


def _network(builder: _Builder, member: Network, inputs: str) -> str:
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


def _model(builder: _Builder, dimension: int, n_features: int, n_tiers: int) -> onnx.ModelProto:
    def tensor(name: str, width: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])

    graph = helper.make_graph(
        builder.nodes,
        "heads",
        [tensor("vector", dimension), tensor("features", n_features)],
        [tensor("adequacy", n_tiers), tensor("output_tokens", n_tiers)],
        builder.constants,
    )
    model = helper.make_model(
        graph,
        producer_name="llm-tier-router",
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
    )
    model.ir_version = IR_VERSION
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise TrainingError(f"the exported graph is not valid ONNX: {error}") from error
    return model
