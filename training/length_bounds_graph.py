"""Upper bounds of output tokens as a third output of ``heads.onnx``: nodes behind the second."""

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from router.errors import TrainingError
from training.length_bounds import LengthBounds

OUTPUT = "output_tokens_upper"
_EXPECTED = "output_tokens"


def add_upper_bounds(heads: onnx.ModelProto, bounds: LengthBounds) -> onnx.ModelProto:
    """Return heads that also give ``output_tokens_upper``, float32 (n, T).

    Args:
        heads: Graph with an output ``output_tokens``, float32 (n, T), and opset 13 or later.
        bounds: For the same T tiers.

    Raises:
        TrainingError: no such output, another T, bounds already there, or not valid ONNX.
    """
    model = onnx.ModelProto()
    model.CopyFrom(heads)
    widths = {one.name: one.type.tensor_type.shape.dim[1].dim_value for one in model.graph.output}
    tiers = len(bounds.factors)
    if widths.get(_EXPECTED) != tiers or OUTPUT in widths:
        raise TrainingError(
            f"heads.onnx gives {widths}; bounds of {tiers} tiers need an output {_EXPECTED!r} of "
            f"that width, and no {OUTPUT!r} yet"
        )

    def constant(name: str, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        tensor = numpy_helper.from_array(np.asarray(values, dtype=dtype), f"bounds_{name}")
        model.graph.initializer.append(tensor)
        return str(tensor.name)

    def node(operator: str, *inputs: str, output: str = "", **attributes: int) -> str:
        name = output or f"bounds_{operator.lower()}{len(model.graph.node)}"
        model.graph.node.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    one = constant("one", 1.0)
    factor = constant("first_factor", bounds.factors[:, 0])
    # A factor is the first one plus the steps of all edges that the expected tokens reach.
    for edge in range(bounds.edges.shape[1]):
        reached = node("GreaterOrEqual", _EXPECTED, constant(f"edge{edge}", bounds.edges[:, edge]))
        step = bounds.factors[:, edge + 1] - bounds.factors[:, edge]
        taken = node("Cast", reached, to=TensorProto.FLOAT)
        factor = node("Add", factor, node("Mul", taken, constant(f"step{edge}", step)))
    scaled = node("Mul", node("Add", _EXPECTED, one), factor)
    node("Max", node("Sub", scaled, one), constant("least", 0.0), output=OUTPUT)
    model.graph.output.append(
        helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", tiers])
    )
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise TrainingError(f"the graph with bounds is not valid ONNX: {error}") from error
    return model
