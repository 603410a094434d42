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
    BOUNDED,
    OPERATORS,
    PAIRWISE,
    Array,
    Function,
    NotPlainError,
    Scalar,
    as_row,
    scalar_of,
)

_DTYPES = {1: np.float32, 3: np.int8, 7: np.int64}  # TensorProto.DataType
_EXTERNAL = 1  # TensorProto.DataLocation
_FLOAT, _INT = 1, 2  # AttributeProto.AttributeType
_IDS, _FEATURES = 0, 1  # places of the inputs

Step = tuple[Function, int, tuple[int, ...]]
Output = tuple[int, tuple[Scalar, ...]]


class Plain:
    """Runs one graph. Immutable after construction, safe from several threads.

    Args:
        steps: What to compute, where its result goes, where its arguments stand.
        slots: Constants at their places, None at those of inputs and results.
        outputs: Where each output stands, and what is still to be done to each of its numbers.
    """

    __slots__ = ("_outputs", "_slots", "_steps")

    def __init__(
        self, steps: Sequence[Step], slots: Sequence[Array | None], outputs: Sequence[Output]
    ) -> None:
        self._steps = tuple(steps)
        self._slots = list(slots)
        self._outputs = tuple(outputs)

    def run(self, ids: npt.NDArray[np.int64], features: list[float]) -> list[list[float]]:
        """Return the outputs for one prompt, as ``Fused.run``."""
        slots: list[Any] = self._slots.copy()
        slots[_IDS] = ids
        slots[_FEATURES] = np.fromiter(features, np.float32, len(features))
        for function, place, arguments in self._steps:
            if len(arguments) == 1:
                slots[place] = function(slots[arguments[0]])
            else:
                slots[place] = function(*[slots[one] for one in arguments])
        outputs = []
        for place, scalars in self._outputs:
            row = slots[place].tolist()
            for scalar in scalars:
                row = list(map(scalar, row))
            outputs.append(row)
        return outputs


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
        planned = _Planned(constants, n_features)
        tails = {name: _tail(name, graph.node, constants) for name in outputs}
        for node in graph.node:
            planned.add(node)
        found = [(planned.places[place], scalars) for place, scalars in tails.values()]
    except (NotPlainError, LookupError, ValueError, TypeError):
        return None  # the runtime knows it, or says what is wrong with it
    needed = _needed(planned.steps, {place for place, _ in found})
    return Plain(needed, planned.slots, found)


class _Planned:
    """Steps in the order of a graph's nodes, each tried on a prompt of one token."""

    def __init__(self, constants: Mapping[str, Array], n_features: int) -> None:
        self._constants = constants
        self.slots: list[Array | None] = [None, None]
        self.steps: list[Step] = []
        self.places = {"input_ids": _IDS, "features": _FEATURES}
        self._done: dict[tuple[Any, ...], int] = {}
        self._samples: dict[int, Array] = {
            _IDS: np.zeros(1, np.int64),
            _FEATURES: np.zeros(n_features, np.float32),
        }

    def add(self, node: Any) -> None:
        """Add what a node does, unless an earlier one did the same."""
        (result,) = node.output
        done = (node.op_type, tuple(node.input), tuple(map(str, node.attribute)))
        if done in self._done:
            self.places[result] = self._done[done]
            return
        self._add(node, result)
        self._done[done] = self.places[result]

    def _add(self, node: Any, result: str) -> None:
        if node.domain not in ("", "ai.onnx"):
            raise NotPlainError
        value, *others = node.input
        known = [self._constants.get(name) for name in node.input]
        if node.op_type in PAIRWISE:
            self.places[result] = self._pair(PAIRWISE[node.op_type], value, others[0])
        elif node.op_type in BOUNDED:
            place = self.places[value]
            for function, constant in BOUNDED[node.op_type](known):
                place = self._step(function, place, self._meeting(constant, place))
            self.places[result] = place
        else:
            attributes = {one.name: _number(one) for one in node.attribute}
            made = OPERATORS[node.op_type](known, attributes)
            places = [self.places[name] for name in node.input if name not in self._constants]
            self.places[result] = places[0] if made is None else self._step(made, *places)

    def _pair(self, function: Function, one: str, other: str) -> int:
        if one in self._constants:
            place = self.places[other]
            return self._step(function, self._meeting(self._constants[one], place), place)
        place = self.places[one]
        if other in self._constants:
            return self._step(function, place, self._meeting(self._constants[other], place))
        return self._step(function, place, self.places[other])

    def _step(self, function: Function, *places: int) -> int:
        """Try a step, add it, and return the place of its result."""
        result = function(*[self._samples[one] for one in places])
        place = self._place(None, result)
        self.steps.append((function, place, places))
        return place

    def _meeting(self, constant: Array, place: int) -> int:
        """Return the place of a constant, made as long as the value it meets at a place.

        With a single number NumPy takes twice as long.
        """
        row = np.array(np.broadcast_to(as_row(constant), self._samples[place].shape))
        return self._place(row, row)

    def _place(self, value: Array | None, sample: Array) -> int:
        self.slots.append(value)
        self._samples[len(self.slots) - 1] = sample
        return len(self.slots) - 1


def _tail(name: str, nodes: Any, constants: Mapping[str, Array]) -> tuple[str, tuple[Scalar, ...]]:
    """Return what an output follows from number by number, and by which functions.

    Of the few numbers of an output, these cost less one by one than as a vector.
    """
    by_result = {one.output[0]: one for one in nodes}
    scalars: list[Scalar] = []
    while name in by_result:
        found = scalar_of(by_result[name], constants)
        if found is None:
            break
        name, scalar = found
        scalars.insert(0, scalar)
    return name, tuple(scalars)


def _needed(steps: Sequence[Step], wanted: set[int]) -> list[Step]:
    """Return the steps that what is wanted rests on."""
    needed: list[Step] = []
    for step in reversed(steps):
        if step[1] in wanted:
            needed.append(step)
            wanted = wanted | set(step[2])
    return needed[::-1]


def _number(attribute: Any) -> float:
    if attribute.type not in (_FLOAT, _INT):
        raise NotPlainError
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
        raise NotPlainError
    found = np.frombuffer(data, dtype, int(np.prod(shape)), offset).reshape(shape)
    # Of numbers that lie across words NumPy makes a copy at every use.
    return np.require(found, requirements=["ALIGNED"])
