"""Operators of ONNX on one row, in NumPy: what ``plain`` knows.

Each of ``OPERATORS`` makes, from a node's constants and attributes, a function of its other
inputs, or None where the result is the input itself. The meaning of each is that of ONNX's own
operator of this name (opset 18), for a value of shape (1, n) as a vector of n.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import exp, inf, sqrt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Function = Callable[..., Array]


class Operation(NamedTuple):
    """What a step does.

    Attributes:
        function: It, in NumPy.
        name: It, in the compiled kernel.
        constants: That the kernel needs for it.
    """

    function: Function
    name: str
    constants: tuple[Array, ...] = ()


class Scalar(NamedTuple):
    """What is done to one number, and how the kernel calls it."""

    function: Callable[[float], float]
    name: str
    number: float = 0.0


Operator = Callable[[Sequence[Array | None], Mapping[str, float]], Operation | None]

_TO_FLOAT = 1.0  # TensorProto.FLOAT
_ONE, _HALF = np.float32(1.0), np.float32(0.5)


class NotPlainError(Exception):
    """A graph holds what only the runtime knows; told to nobody."""


def _gather(constants: Sequence[Array | None], attributes: Mapping[str, float]) -> Operation:
    table, ids = constants
    if table is None or ids is not None or attributes.get("axis", 0.0):
        raise NotPlainError
    # A wrong id ends the call with IndexError, as in the runtime.
    return Operation(partial(table.take, axis=0), "rows", (table,))


def _cast(constants: Sequence[Array | None], attributes: Mapping[str, float]) -> Operation:
    if attributes["to"] != _TO_FLOAT:
        raise NotPlainError
    return Operation(lambda value: value.astype(np.float32), "float")


def _unsqueeze(constants: Sequence[Array | None], attributes: Mapping[str, float]) -> None:
    axes = constants[1]
    if axes is None or axes.tolist() != [0]:
        raise NotPlainError


def _mat_mul(constants: Sequence[Array | None], attributes: Mapping[str, float]) -> Operation:
    left, right = constants
    if left is not None:
        raise NotPlainError
    if right is None:
        return Operation(np.dot, "dot")
    matrix = right
    return Operation(lambda row: np.dot(row, matrix), "dot", (matrix,))


def _gemm(constants: Sequence[Array | None], attributes: Mapping[str, float]) -> Operation:
    value, weights, bias = constants
    ones = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    if value is not None or weights is None or bias is None or ones != (1.0, 1.0):
        raise NotPlainError
    if attributes.get("transA", 0.0):
        raise NotPlainError
    matrix = np.ascontiguousarray(weights.T) if attributes.get("transB", 0.0) else weights
    row = bias.reshape(-1)
    if row.size != matrix.shape[1]:
        raise NotPlainError

    def gemm(value: Array) -> Array:
        result: Array = np.dot(value, matrix)
        result += row
        return result

    return Operation(gemm, "gemm", (matrix, row))


def _lp_normalization(
    constants: Sequence[Array | None], attributes: Mapping[str, float]
) -> Operation:
    if attributes.get("axis", -1.0) not in (-1.0, 1.0) or attributes.get("p", 2.0) != 2.0:
        raise NotPlainError

    def normalise(value: Array) -> Array:
        norm = sqrt(np.dot(value, value))
        return value / norm if norm else value

    return Operation(normalise, "normalise")


def _concat(constants: Sequence[Array | None], attributes: Mapping[str, float]) -> Operation:
    if any(one is not None for one in constants) or attributes["axis"] not in (-1.0, 1.0):
        raise NotPlainError
    return Operation(lambda *values: np.concatenate(values), "concat")


def _sigmoid(constants: Sequence[Array | None], attributes: Mapping[str, float]) -> Operation:
    # By the hyperbolic tangent, which overflows nowhere.
    return Operation(lambda value: np.tanh(value * _HALF) * _HALF + _HALF, "sigmoid")


def _exp(constants: Sequence[Array | None], attributes: Mapping[str, float]) -> Operation:
    return Operation(np.exp, "exp")


def _identity(constants: Sequence[Array | None], attributes: Mapping[str, float]) -> None:
    return None


OPERATORS: Mapping[str, Operator] = {
    "Cast": _cast,
    "Concat": _concat,
    "Exp": _exp,
    "Gather": _gather,
    "Gemm": _gemm,
    "Identity": _identity,
    "LpNormalization": _lp_normalization,
    "MatMul": _mat_mul,
    "Sigmoid": _sigmoid,
    "Unsqueeze": _unsqueeze,
}

PAIRWISE: Mapping[str, Operation] = {
    "Add": Operation(np.add, "add"),
    "Div": Operation(np.divide, "div"),
    "Max": Operation(np.maximum, "max"),
    "Min": Operation(np.minimum, "min"),
    "Mul": Operation(np.multiply, "mul"),
    "Sub": Operation(np.subtract, "sub"),
}
"""Functions of two inputs, each of which may be a constant."""


def _clip(constants: Sequence[Array | None]) -> list[tuple[Operation, Array]]:
    value, low, high = constants
    if value is not None or low is None or high is None:
        raise NotPlainError
    return [(PAIRWISE["Max"], low), (PAIRWISE["Min"], high)]


BOUNDED: Mapping[str, Callable[[Sequence[Array | None]], list[tuple[Operation, Array]]]] = {
    "Clip": _clip,
    "Relu": lambda _: [(PAIRWISE["Max"], np.zeros(1, np.float32))],
}
"""From constants of the node to functions of its input and a constant, one after the other."""


def as_row(constant: Array) -> Array:
    """Return a constant that is broadcast to a row: one number, or one for each."""
    if constant.ndim > 1 and constant.shape[0] != 1:
        raise NotPlainError
    return constant.reshape(constant.shape[-1:])


def scalar_of(node: Any, constants: Mapping[str, Array]) -> tuple[str, Scalar] | None:
    """Return the value a node takes and what it does to each number of it; None if it is not so.

    Args:
        node: Of the graph.
        constants: Of the graph, by name.
    """
    value, *others = node.input
    if node.domain not in ("", "ai.onnx") or value in constants:
        return None
    if not others:
        scalar = _ALONE.get(node.op_type)
        return None if scalar is None else (value, scalar)
    known = constants.get(others[0])
    if len(others) > 1 or known is None or known.size != 1:
        return None
    number = float(known.reshape(-1)[0])
    if node.op_type == "Sub":
        return value, Scalar(lambda one: one - number, "sub", number)
    if node.op_type == "Max":
        return value, Scalar(lambda one: max(one, number), "max", number)
    return None


def _sigmoid_of(one: float) -> float:
    if one >= 0.0:
        return 1.0 / (1.0 + exp(-one))
    power = exp(one)
    return power / (1.0 + power)


def _exp_of(one: float) -> float:
    try:
        return exp(one)
    except OverflowError:
        return inf


_ALONE: Mapping[str, Scalar] = {
    "Exp": Scalar(_exp_of, "exp"),
    "Sigmoid": Scalar(_sigmoid_of, "sigmoid"),
}
