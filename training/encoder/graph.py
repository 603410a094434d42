"""The ONNX graph of a static encoder: nine standard operators around the token table.

Here is only the graph; where the table comes from is in ``distil``. The mean over tokens is a sum
here, because the normalisation at the end takes the token count out again.
"""

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from training.encoder.distil import TokenTable

OPSET = 21
IR_VERSION = 10


def static_graph(table: TokenTable) -> bytes:
    """Build the graph: ids and mask to the normalised weighted sum of the tokens' vectors.

    Inputs ``input_ids`` and ``attention_mask`` are int64 [batch, tokens], the mask 0 or 1; output
    ``embedding`` is float32 [batch, dimension] with unit rows. A row without a token that counts
    gives the zero vector, also when the batch has no token column at all. An id outside the table
    is an error of the runtime.

    Returns:
        The serialised model: equal bytes for equal tables.
    """
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "input_ids"], ["row_int8"]),
        node("Cast", ["row_int8"], ["row"], to=TensorProto.FLOAT),
        node("Gather", ["scales", "input_ids"], ["scale"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Mul", ["scale", "mask"], ["weight"]),
        node("Unsqueeze", ["weight", "axis"], ["weight_row"]),
        node("MatMul", ["weight_row", "row"], ["sum_row"]),
        node("Squeeze", ["sum_row", "axis"], ["sum"]),
        # Defined as zero, not NaN, where the norm is zero.
        node("LpNormalization", ["sum"], ["embedding"], axis=-1, p=2),
    ]
    shape = ["batch", "tokens"]
    graph = helper.make_graph(
        nodes,
        "static_encoder",
        inputs=[
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, shape),
        ],
        outputs=[
            helper.make_tensor_value_info(
                "embedding", TensorProto.FLOAT, ["batch", table.values.shape[1]]
            )
        ],
        initializer=[
            numpy_helper.from_array(table.values, "table"),
            numpy_helper.from_array(table.scales, "scales"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
        ],
    )
    model: ModelProto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="training.encoder",
    )
    checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
