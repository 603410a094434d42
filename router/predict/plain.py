"""A graph for one prompt, run in NumPy: where the kernel is not built, or does not know it.

What an artifact gives this way is compared with its golden rows when it is loaded, like every
other way. Reading the graph is ``program``, what each step does ``plain_operators``.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from router.predict.program import FEATURES, IDS, Program


class Plain:
    """Runs one graph. Immutable after construction, safe from several threads.

    Args:
        program: Of the graph.
    """

    __slots__ = ("_outputs", "_slots", "_steps")

    def __init__(self, program: Program) -> None:
        self._steps = [(one.operation.function, one.result, one.arguments) for one in program.steps]
        self._slots = list(program.slots)
        self._outputs = [
            (one.place, [scalar.function for scalar in one.scalars]) for one in program.outputs
        ]

    def run(self, ids: npt.NDArray[np.int64], features: list[float]) -> list[list[float]]:
        """Return the outputs for one prompt, as ``Fused.run``."""
        slots: list[Any] = self._slots.copy()
        slots[IDS] = ids
        slots[FEATURES] = np.fromiter(features, np.float32, len(features))
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
