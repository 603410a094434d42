"""A student as an ONNX graph: twelve standard operators, one hidden layer."""

import onnx

from training.graph_builder import GraphBuilder, heads_model
from training.student import Student


def build_student_heads(student: Student, *, dimension: int, n_features: int) -> onnx.ModelProto:
    """Return the heads as one graph, with the inputs and outputs of ``training.graph.build_heads``.

    Raises:
        TrainingError: the graph does not pass ONNX's checker.
    """
    builder = GraphBuilder()
    inputs = builder.node("Concat", "vector", "features", axis=1)
    raised = builder.node("Max", inputs, builder.constant(student.low))
    bounded = builder.node("Min", raised, builder.constant(student.high))
    linear = builder.node(
        "Gemm", bounded, builder.constant(student.hidden), builder.constant(student.hidden_bias)
    )
    hidden = builder.node("Relu", linear)

    def last_layer(columns: slice) -> str:
        weights = builder.constant(student.out[:, columns])
        return builder.node("Gemm", hidden, weights, builder.constant(student.out_bias[columns]))

    tiers = student.tiers
    builder.node("Sigmoid", last_layer(slice(0, tiers)), output="adequacy")
    expected = builder.node("Exp", last_layer(slice(tiers, 2 * tiers)))
    less_one = builder.node("Sub", expected, builder.constant(1.0))
    builder.node("Max", less_one, builder.constant(0.0), output="output_tokens")
    return heads_model(builder, dimension, n_features, tiers)
