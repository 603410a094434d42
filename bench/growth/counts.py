"""The instructions of a decision at every point of every axis, by callgrind, gRPC left out.

A count says how the work grows whatever else the machine does.
"""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.callgrind import count
from bench.growth.axes import Axis, Setup
from bench.growth.decided import Step
from bench.growth.setups import Place
from bench.instructions import write_requests
from bench.load import route_request

_REQUESTS = 4
_CALLS = 12


def counts(
    axes: Sequence[Axis], places: Mapping[Setup, Place], directory: Path, seed: int
) -> list[dict[int, float]]:
    """Return the instructions of a decision for each value of each axis, all in one run.

    Args:
        axes: What grows.
        places: Of their setups.
        directory: For the requests and the plan.
        seed: Of the prompts.

    Raises:
        NotReadyError: valgrind is missing or failed.
    """
    steps = [step for axis in axes for step in steps_of(axis, places, directory, seed)]
    plan = directory / "plan.json"
    plan.write_text(json.dumps(steps), encoding="utf-8")
    found = iter(count(["-m", "bench.growth.decided", str(plan)]))
    return [{point.value: next(found) / _CALLS for point in axis.points} for axis in axes]


def steps_of(axis: Axis, places: Mapping[Setup, Place], directory: Path, seed: int) -> list[Step]:
    """Write the requests of every point; return what is to be decided."""
    steps: list[Step] = []
    for point in axis.points:
        generator = random.Random(seed)  # noqa: S311 - text, not a secret
        requests = [
            route_request(generator, point.tokens, point.messages) for _ in range(_REQUESTS)
        ]
        path = write_requests(directory / f"{axis.name}-{point.value}.bin", requests)
        place = places[point.setup]
        steps.append(
            Step(
                artifact=str(place.artifact),
                catalog=str(place.catalog),
                requests=str(path),
                calls=_CALLS,
            )
        )
    return steps
