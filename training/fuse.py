"""Static encoder and heads in one graph for one prompt, so that a decision takes one runtime call.

The encoder's graph reads many prompts at once and needs a mask for that; for one prompt six
operators do. The token table is not stored again: the fused graph points at the bytes where it
stands in ``encoder.onnx`` beside it (ONNX external data), and so must be written anew whenever
encoder or heads are.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from router.errors import TrainingError

_LARGE_BYTES = 65_536


def fuse(encoder: Path, heads: onnx.ModelProto) -> onnx.ModelProto | None:
    """Join a static encoder's ``encoder.onnx`` and heads.

    Args:
        encoder: Path of the encoder's graph; the result only works in the same directory.
        heads: Graph of ``vector`` and ``features`` to ``adequacy`` and ``output_tokens``.

    Returns:
        A graph of ``input_ids`` (tokens,), at least one, and ``features`` (1, n_features) to
        ``adequacy`` and ``output_tokens`` (1, T); None if the encoder is not a static one, whose
        own time makes a second call irrelevant.

    Raises:
        TrainingError: the two cannot be joined.
    """
    content = encoder.read_bytes()
    stored = onnx.load_from_string(content)
    constants = {item.name: item for item in stored.graph.initializer}
    if not {"table", "scales"} <= constants.keys():
        return None
    (standard,) = (item.version for item in stored.opset_import if item.domain == "")
    first = _one_prompt(constants["table"], constants["scales"], standard, stored.ir_version)
    second = onnx.ModelProto()
    second.CopyFrom(heads)
    second.ir_version = stored.ir_version
    for item in second.opset_import:
        if item.domain == "":
            item.version = standard
    try:
        prefixed = compose.add_prefix(second, "heads_", rename_inputs=False, rename_outputs=False)
        fused = compose.merge_models(first, prefixed, io_map=[("embedding", "vector")])
    except ValueError as error:
        raise TrainingError(f"{encoder} and the heads cannot be one graph: {error}") from error
    for constant in fused.graph.initializer:
        if constant.name in ("table", "scales"):
            _refer(constant, content, encoder.name)
    return fused


def _one_prompt(
    table: TensorProto, scales: TensorProto, opset: int, ir_version: int
) -> onnx.ModelProto:
    """Return the encoder for one prompt: ids (tokens,) to a vector (1, dimension)."""
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Gather", ["table", "input_ids"], ["row_int8"]),
            node("Cast", ["row_int8"], ["row"], to=TensorProto.FLOAT),
            node("Gather", ["scales", "input_ids"], ["scale"]),
            node("Unsqueeze", ["scale", "axis"], ["weight_row"]),
            node("MatMul", ["weight_row", "row"], ["sum"]),
            node("LpNormalization", ["sum"], ["embedding"], axis=-1, p=2),
        ],
        "one_prompt",
        inputs=[helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["tokens"])],
        outputs=[helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, table.dims[1]])],
        initializer=[table, scales, numpy_helper.from_array(np.array([0], np.int64), "axis")],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version
    )


def _refer(constant: TensorProto, content: bytes, file: str) -> None:
    """Replace a large constant by a pointer to where it stands in ``content``."""
    data = constant.raw_data
    if len(data) < _LARGE_BYTES:
        return
    offset = content.find(data)
    constant.ClearField("raw_data")
    constant.data_location = TensorProto.EXTERNAL
    for key, value in (("location", file), ("offset", offset), ("length", len(data))):
        constant.external_data.add(key=key, value=str(value))
