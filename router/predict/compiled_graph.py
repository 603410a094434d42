"""A graph for one prompt, run by the compiled kernel.

Here is only how a program is handed to it. Rows of tokens are never laid out there: the weighted
sum of them, with which static encoders begin, is one step of the kernel.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from router.compiled import KERNEL
from router.predict.plain_operators import Array, NotPlainError
from router.predict.program import FEATURES, IDS, Program, Step

_OF_TOKENS = ("rows", "float")
_Handed = tuple[str, int, tuple[int, ...], tuple[Any, ...]]


class Compiled:
    """Runs one graph. Safe from several threads, of which one at a time gets to run it.

    Args:
        graph: ``router.compiled.kernel.Graph``.
    """

    __slots__ = ("graph", "run")

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.run = graph.run
        """From token ids (int64, shape (n,)) and features to the outputs, as ``Fused.run``."""


def compiled_graph(program: Program) -> Compiled | None:
    """Return what runs a program; None where no kernel knows all of its steps."""
    if KERNEL is None:
        return None
    made_by = {step.result: step for step in program.steps}
    try:
        steps = [one for step in program.steps for one in _handed(step, made_by, program)]
    except NotPlainError:
        return None
    outputs = [
        (one.place, [(scalar.name, scalar.number) for scalar in one.scalars])
        for one in program.outputs
    ]
    lengths = [0 if place == IDS else length for place, length in enumerate(program.lengths)]
    try:
        graph = KERNEL.Graph(lengths, program.slots, steps, outputs, program.lengths[FEATURES])
    except (KeyError, ValueError):  # NumPy makes shapes meet that the kernel does not
        return None
    return Compiled(graph)


def _handed(step: Step, made_by: Mapping[int, Step], program: Program) -> Iterator[_Handed]:
    """Yield a step as the kernel takes it, which may be several or none."""
    (_, name, constants), result, arguments = step
    if name in _OF_TOKENS:  # these have their place in a pool
        return
    makers = [made_by.get(one) for one in arguments]
    if name == "dot" and not constants:
        weights, rows = makers
        yield "pool", result, (), _pool(weights, rows, made_by)
        return
    if IDS in arguments or any(one and one.operation.name in _OF_TOKENS for one in makers):
        raise NotPlainError
    if name == "concat":
        begin = 0
        for one in arguments:
            yield "copy", result, (one,), (begin,)
            begin += program.lengths[one]
        return
    yield name, result, arguments, tuple(map(np.ascontiguousarray, constants))


def _pool(
    weights: Step | None, rows: Step | None, made_by: Mapping[int, Step]
) -> tuple[Array, Array]:
    """Return table and weights of a weighted sum of tokens' rows."""
    if rows is None or weights is None or rows.operation.name != "float":
        raise NotPlainError
    rows = made_by.get(rows.arguments[0])
    if rows is None or rows.operation.name != "rows" or weights.operation.name != "rows":
        raise NotPlainError
    (table,), (scales,) = rows.operation.constants, weights.operation.constants
    if rows.arguments != (IDS,) or weights.arguments != (IDS,):
        raise NotPlainError
    kinds = table.dtype.name, table.ndim, scales.dtype.name, scales.ndim
    if kinds != ("int8", 2, "float32", 1):
        raise NotPlainError
    return np.ascontiguousarray(table), np.ascontiguousarray(scales)
