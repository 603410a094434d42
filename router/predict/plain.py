"""A graph for one prompt, run in NumPy without the runtime.

The runtime costs more to call than such a graph to compute. Here is a reading of the few operators
that static encoders and networks are made of, on one row at a time: a value of shape (1, n) in the
graph is a vector of n numbers here. A graph with any other operator is left to onnxruntime. What
an artifact gives this way is compared with its golden rows when it is loaded, like the other way.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from router.predict.graph import read_model
from router.predict.plain_operators import (
    OPERATORS,
    PAIRWISE,
    Array,
    Function,
    NotPlainError,
    as_row,
)

_DTYPES = {1: np.float32, 3: np.int8, 7: np.int64}  # TensorProto.DataType
_EXTERNAL = 1  # TensorProto.DataLocation
_FLOAT, _INT = 1, 2  # AttributeProto.AttributeType

_IDS, _FEATURES = 0, 1  # places of the inputs
_MOST_ARGUMENTS = 2

Step = tuple[Function, int, tuple[int, ...]]


class Plain:
    """Runs one graph. Immutable after construction, safe from several threads.

    Args:
        steps: What to compute, where its result goes, where its arguments stand.
        slots: Constants at their places, None at those of inputs and results.
        outputs: Places of what is asked for.
    """

    __slots__ = ("_outputs", "_slots", "_steps")

    def __init__(
        self,
        steps: tuple[Step, ...],
        slots: list[Array | None],
        outputs: tuple[int, ...],
    ) -> None:
        self._steps = steps
        self._slots = slots
        self._outputs = outputs

    def run(self, ids: npt.NDArray[np.int64], features: list[float]) -> list[list[float]]:
        """Return the outputs for one prompt, as ``Fused.run``."""
        slots: list[Any] = self._slots.copy()
        slots[_IDS] = ids
        slots[_FEATURES] = np.array(features, np.float32)
        for function, place, arguments in self._steps:
            if len(arguments) == 1:
                slots[place] = function(slots[arguments[0]])
            else:
                one, other = arguments
                slots[place] = function(slots[one], slots[other])
        return [slots[place].tolist() for place in self._outputs]


def plain_graph(
    content: bytes,
    path: Path,
    beside: Mapping[str, bytes],
    outputs: Sequence[str],
    n_features: int,
) -> Plain | None:
    """Return what runs a graph of ``input_ids`` and ``features``; None if it is not that plain.

    Args:
        content: The graph, checked.
        path: Where it comes from, for messages.
        beside: Files that hold constants of it, by name.
        outputs: Which values to give, in which order; all that the graph gives.
        n_features: Number of text features.

    Raises:
        ArtifactError: no ONNX model.
    """
    graph = read_model(content, path).graph
    if {one.name for one in graph.output} != set(outputs):
        return None
    try:
        constants = {one.name: _constant(one, beside) for one in graph.initializer}
        plain = _planned(graph.node, constants, outputs)
        plain.run(np.zeros(1, np.int64), [0.0] * n_features)
    except (NotPlainError, KeyError, ValueError, IndexError, TypeError):
        return None  # the runtime knows it, or says what is wrong with it
    return plain


def _planned(nodes: Any, constants: Mapping[str, Array], outputs: Sequence[str]) -> Plain:
    slots: list[Array | None] = [None, None]
    places = {"input_ids": _IDS, "features": _FEATURES}
    steps: list[Step] = []

    def place_of(name: str) -> int:
        if name in constants and name not in places:
            places[name] = len(slots)
            slots.append(as_row(constants[name]))
        return places[name]

    for node in nodes:
        (result,) = node.output
        if node.domain not in ("", "ai.onnx"):
            raise NotPlainError
        values = list(node.input)
        function: Function | None = PAIRWISE.get(node.op_type)
        if function is None:
            known = [constants.get(name) for name in node.input]
            attributes = {one.name: _number(one) for one in node.attribute}
            function = OPERATORS[node.op_type](known, attributes)
            values = [name for name in values if name not in constants]
        arguments = tuple(place_of(name) for name in values)
        if function is None:
            (places[result],) = arguments
            continue
        if not 1 <= len(arguments) <= _MOST_ARGUMENTS:
            raise NotPlainError
        places[result] = len(slots)
        slots.append(None)
        steps.append((function, places[result], arguments))
    return Plain(tuple(steps), slots, tuple(places[name] for name in outputs))


def _number(attribute: Any) -> float:
    if attribute.type not in (_FLOAT, _INT):
        raise NotPlainError(attribute.name)
    return float(attribute.f if attribute.type == _FLOAT else attribute.i)


def _constant(tensor: Any, beside: Mapping[str, bytes]) -> Array:
    data, offset, length = tensor.raw_data, 0, len(tensor.raw_data)
    if tensor.data_location == _EXTERNAL:
        where = {item.key: item.value for item in tensor.external_data}
        data = beside[where["location"]]
        offset, length = int(where["offset"]), int(where["length"])
    dtype = np.dtype(_DTYPES[tensor.data_type])
    shape = tuple(tensor.dims)
    if offset < 0 or int(np.prod(shape)) * dtype.itemsize != length:
        raise NotPlainError(tensor.name)
    return np.frombuffer(data, dtype, int(np.prod(shape)), offset).reshape(shape)
