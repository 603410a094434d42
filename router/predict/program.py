"""A plain graph, read: the steps that give its outputs for one prompt, without the runtime.

The runtime costs more to call than such a graph to compute. Here is a reading of the few operators
that static encoders and networks are made of, on one row at a time: a value of shape (1, n) in the
graph is a vector of n numbers here. A graph with any other operator is left to onnxruntime. Who
runs the steps is ``plain`` or the compiled kernel.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from router.predict.graph import read_model
from router.predict.plain_operators import (
    BOUNDED,
    OPERATORS,
    PAIRWISE,
    Array,
    NotPlainError,
    Operation,
    Scalar,
    as_row,
    scalar_of,
)

_DTYPES = {1: np.float32, 3: np.int8, 7: np.int64}  # TensorProto.DataType
_EXTERNAL = 1  # TensorProto.DataLocation
_FLOAT, _INT = 1, 2  # AttributeProto.AttributeType
IDS, FEATURES = 0, 1
"""Places of the inputs."""


class Step(NamedTuple):
    """What is done, where its result goes, and where its arguments stand."""

    operation: Operation
    result: int
    arguments: tuple[int, ...]


class Output(NamedTuple):
    """Where an output stands, and what is still to be done to each of its numbers."""

    place: int
    scalars: tuple[Scalar, ...]


class Program(NamedTuple):
    """A graph as steps.

    Attributes:
        steps: In their order.
        slots: Constants at their places, None at those of inputs and results.
        lengths: Of what stands at each place; of what has a row per token, rows of one token.
        outputs: In the order they were asked for.
    """

    steps: tuple[Step, ...]
    slots: tuple[Array | None, ...]
    lengths: tuple[int, ...]
    outputs: tuple[Output, ...]


def program_of(
    content: bytes,
    path: Path,
    beside: Mapping[str, bytes],
    outputs: Sequence[str],
    n_features: int,
) -> Program | None:
    """Return the steps of a graph of ``input_ids`` and ``features``; None if it is not that plain.

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
        written = _Writing(constants, n_features)
        tails = {name: _tail(name, graph.node, constants) for name in outputs}
        for node in graph.node:
            written.add(node)
        found = [Output(written.places[place], scalars) for place, scalars in tails.values()]
    except (NotPlainError, LookupError, ValueError, TypeError):
        return None  # the runtime knows it, or says what is wrong with it
    needed = _needed(written.steps, {one.place for one in found})
    lengths = [written.samples[place].shape[-1] for place in range(len(written.slots))]
    return Program(tuple(needed), tuple(written.slots), tuple(lengths), tuple(found))


class _Writing:
    """Steps in the order of a graph's nodes, each tried on a prompt of one token."""

    def __init__(self, constants: Mapping[str, Array], n_features: int) -> None:
        self._constants = constants
        self.slots: list[Array | None] = [None, None]
        self.steps: list[Step] = []
        self.places = {"input_ids": IDS, "features": FEATURES}
        self._done: dict[tuple[Any, ...], int] = {}
        self.samples: dict[int, Array] = {
            IDS: np.zeros(1, np.int64),
            FEATURES: np.zeros(n_features, np.float32),
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
            for operation, constant in BOUNDED[node.op_type](known):
                place = self._step(operation, place, self._meeting(constant, place))
            self.places[result] = place
        else:
            attributes = {one.name: _number(one) for one in node.attribute}
            made = OPERATORS[node.op_type](known, attributes)
            places = [self.places[name] for name in node.input if name not in self._constants]
            self.places[result] = places[0] if made is None else self._step(made, *places)

    def _pair(self, operation: Operation, one: str, other: str) -> int:
        if one in self._constants:
            place = self.places[other]
            return self._step(operation, self._meeting(self._constants[one], place), place)
        place = self.places[one]
        if other in self._constants:
            return self._step(operation, place, self._meeting(self._constants[other], place))
        return self._step(operation, place, self.places[other])

    def _step(self, operation: Operation, *places: int) -> int:
        """Try a step, add it, and return the place of its result."""
        result = operation.function(*[self.samples[one] for one in places])
        place = self._place(None, result)
        self.steps.append(Step(operation, place, places))
        return place

    def _meeting(self, constant: Array, place: int) -> int:
        """Return the place of a constant, made as long as the value it meets at a place.

        With a single number NumPy takes twice as long.
        """
        row = np.array(np.broadcast_to(as_row(constant), self.samples[place].shape))
        return self._place(row, row)

    def _place(self, value: Array | None, sample: Array) -> int:
        self.slots.append(value)
        self.samples[len(self.slots) - 1] = sample
        return len(self.slots) - 1


def _tail(name: str, nodes: Any, constants: Mapping[str, Array]) -> tuple[str, tuple[Scalar, ...]]:
    """Return what an output follows from number by number, and what is done to each.

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
        if step.result in wanted:
            needed.append(step)
            wanted = wanted | set(step.arguments)
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
