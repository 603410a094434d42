"""Heads for one tier more: nodes appended to ``heads.onnx``, which stays whole inside.

What is known of the graph are its inputs ``vector`` and ``features`` and its outputs ``adequacy``,
``output_tokens`` and, where it has it, ``novelty``, which stays as it is; how it computes them is
not looked at. The numbers come from ``training.onboard.ability`` and ``training.onboard.lengths``.
"""

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from router.errors import TrainingError
from router.predict.heads import NOVELTY
from training.members import CLIP
from training.onboard.ability import Ability
from training.onboard.lengths import LengthRatio

_OUTPUTS = ("adequacy", "output_tokens")


def extend_heads(
    heads: onnx.ModelProto, ability: Ability, length: LengthRatio, rank: int
) -> onnx.ModelProto:
    """Return heads that predict for one tier more; those of the known tiers are unchanged.

    Args:
        heads: Graph with outputs ``adequacy`` and ``output_tokens``, float32 (n, T).
        ability: Adequacy of the new tier from that of the T known ones.
        length: Output tokens of the new tier from those of a known one.
        rank: Place of the new tier, from 0 to T.

    Raises:
        TrainingError: the graph has other outputs, another T, or the result is not valid ONNX.
    """
    extended = onnx.ModelProto()
    extended.CopyFrom(heads)
    graph = extended.graph
    widths = {
        item.name: item.type.tensor_type.shape.dim[1].dim_value
        for item in graph.output
        if item.name != NOVELTY  # of the prompt, whatever the tiers
    }
    tiers = len(ability.weights)
    if widths != dict.fromkeys(_OUTPUTS, tiers):
        raise TrainingError(
            f"heads.onnx gives {widths}; a tier can be added to heads that give "
            f"{dict.fromkeys(_OUTPUTS, tiers)} and nothing else: train with this release"
        )
    prefix = _fresh_prefix(graph)
    _rename(graph, {name: prefix + name for name in _OUTPUTS})
    order = np.insert(np.arange(tiers), rank, tiers)

    def constant(name: str, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        tensor = numpy_helper.from_array(np.asarray(values, dtype=dtype), prefix + name)
        graph.initializer.append(tensor)
        return str(tensor.name)

    def node(operator: str, *inputs: str, output: str = "", **attributes: int) -> str:
        name = output or f"{prefix}{operator.lower()}{len(graph.node)}"
        graph.node.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    clipped = node(
        "Clip", prefix + "adequacy", constant("least", CLIP), constant("most", 1.0 - CLIP)
    )
    rest = node("Sub", constant("one", 1.0), clipped)
    logits = node("Log", node("Div", clipped, rest))
    score = node(
        "Gemm",
        logits,
        constant("weights", ability.weights[:, None]),
        constant("bias", [ability.bias]),
    )
    nearest = node(
        "Gather", prefix + "output_tokens", constant("nearest", [length.tier], np.int64), axis=1
    )
    new = {
        "adequacy": node("Sigmoid", score),
        "output_tokens": node("Mul", nearest, constant("ratio", [length.ratio])),
    }
    places = constant("order", order, np.int64)
    for name in _OUTPUTS:
        both = node("Concat", prefix + name, new[name], axis=1)
        node("Gather", both, places, output=name, axis=1)
    for item in graph.output:
        if item.name == NOVELTY:
            continue
        item.CopyFrom(helper.make_tensor_value_info(item.name, TensorProto.FLOAT, ["n", tiers + 1]))
    try:
        onnx.checker.check_model(extended)
    except onnx.checker.ValidationError as error:
        raise TrainingError(f"the extended graph is not valid ONNX: {error}") from error
    return extended


def _fresh_prefix(graph: onnx.GraphProto) -> str:
    """Return a prefix no name of the graph begins with, so that a tier can be added again."""
    names = [name for node in graph.node for name in (*node.input, *node.output)]
    names += [tensor.name for tensor in graph.initializer]
    number = 1
    while any(name.startswith(f"onboarded{number}_") for name in names):
        number += 1
    return f"onboarded{number}_"


def _rename(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        for values in (node.input, node.output):
            for at, name in enumerate(values):
                values[at] = names.get(name, name)
