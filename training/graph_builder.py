"""What every heads graph is made with: a collector of nodes, and the model around them.

Here is nothing about any learner; ``training.graph`` builds candidates with it,
``training.student_graph`` students.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from router.errors import TrainingError
from training.members import CLIP

OPSET = 18
ML_OPSET = 3
IR_VERSION = 9


class GraphBuilder:
    """Collects nodes and constants under fresh names; every method returns the name of a value.

    Args:
        prefix: Of every name, where nodes join a graph that has names already.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Add a constant."""
        name = f"{self._prefix}c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operator with one output."""
        name = output or f"{self._prefix}{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def clip(self, name: str) -> str:
        """Keep probabilities within [CLIP, 1 - CLIP]."""
        return self.node("Clip", name, self.constant(CLIP), self.constant(1.0 - CLIP))

    def logit(self, name: str) -> str:
        """Turn probabilities into log odds."""
        rest = self.node("Sub", self.constant(1.0), name)
        return self.node("Log", self.node("Div", name, rest))


def heads_model(
    builder: GraphBuilder, dimension: int, n_features: int, n_tiers: int
) -> onnx.ModelProto:
    """Return the model of nodes that turn vector and features into adequacy and output_tokens.

    Raises:
        TrainingError: the graph does not pass ONNX's checker.
    """

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
