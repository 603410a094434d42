"""The shared network as an ONNX graph: standard operators, a branch for each network."""

import onnx

from training.graph_builder import GraphBuilder, heads_model
from training.shared_heads import SharedHeads


def build_shared_heads(heads: SharedHeads, *, dimension: int, n_features: int) -> onnx.ModelProto:
    """Return the heads as one graph, with the inputs and outputs of ``training.graph.build_heads``.

    Raises:
        TrainingError: the graph does not pass ONNX's checker.
    """
    builder = GraphBuilder()
    inputs = builder.node("Concat", "vector", "features", axis=1)
    raised = builder.node("Max", inputs, builder.constant(heads.low))
    bounded = builder.node("Min", raised, builder.constant(heads.high))
    branches = []
    for layers in heads.networks:
        values = bounded
        for weights, bias in layers:
            linear = builder.node("Gemm", values, builder.constant(weights), builder.constant(bias))
            values = builder.node("Relu", linear)
        branches.append(values)
    hidden = builder.node("Concat", *branches, axis=1)

    def last_layer(columns: slice) -> str:
        weights, bias = heads.out
        return builder.node(
            "Gemm", hidden, builder.constant(weights[:, columns]), builder.constant(bias[columns])
        )

    tiers = heads.tiers
    builder.node("Sigmoid", last_layer(slice(0, tiers)), output="adequacy")
    expected = builder.node("Exp", last_layer(slice(tiers, 2 * tiers)))
    less_one = builder.node("Sub", expected, builder.constant(1.0))
    builder.node("Max", less_one, builder.constant(0.0), output="output_tokens")
    return heads_model(builder, dimension, n_features, tiers)
