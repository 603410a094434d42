"""The instructions of a decision at every point of an axis, by callgrind, gRPC left out.

A count says how the work grows whatever else the machine does. Loads of pools are set once here,
so that no thread that reads them is counted along.
"""

import random
import time
from pathlib import Path

from bench.callgrind import count
from bench.growth.axes import AXES, Axis, Point, Setup
from bench.growth.setups import write_setup
from bench.in_process import servicer_of
from bench.instructions import decide_all, write_requests
from bench.load import route_request
from router.catalog import load_catalog
from router.cost.pools.load import PoolState, nothing_read
from router.engine import Engine, build_engine
from router.predict.artifact import load_artifact

_REQUESTS = 4
_CALLS = 12


def counts(axis: Axis, root: Path, url: str, seed: int) -> dict[int, float]:
    """Return the instructions of a decision for each value of an axis.

    Args:
        axis: What grows.
        root: Where its setups lie.
        url: Of the pools' loads, which is not asked here.
        seed: Of the prompts.

    Raises:
        NotReadyError: valgrind is missing or failed.
    """
    for point in axis.points:
        generator = random.Random(seed)  # noqa: S311 - text, not a secret
        requests = [
            route_request(generator, point.tokens, point.messages) for _ in range(_REQUESTS)
        ]
        write_requests(_file(root, axis, point), requests)
    found = count(["-m", "bench.growth", "--counted", axis.name, str(root), url])
    return {point.value: total / _CALLS for point, total in zip(axis.points, found, strict=True)}


def counted(name: str, root: Path, url: str) -> None:
    """Decide at every point of an axis; this is what runs under callgrind."""
    axis = next(axis for axis in AXES if axis.name == name)
    engines: dict[Setup, Engine] = {}
    for setup in dict.fromkeys(point.setup for point in axis.points):
        place = write_setup(setup, root, url)
        loaded = [engine.artifact for engine in engines.values()]
        artifact = load_artifact(place.artifact, loaded)
        engines[setup] = build_engine(artifact, load_catalog(place.catalog))
    for point in axis.points:
        with servicer_of(engines[point.setup]) as (servicer, engine):
            _set_loads(engine)
            decide_all(servicer, _file(root, axis, point), _CALLS)


def _file(root: Path, axis: Axis, point: Point) -> Path:
    return root / f"{axis.name}-{point.value}.bin"


def _set_loads(engine: Engine) -> None:
    """Let every pool be half busy, as just read."""
    if engine.pools is None:
        return
    engine.pools.loads = {
        pool.name: nothing_read(pool)._replace(
            state=PoolState.SERVING, at=time.monotonic(), under_way=5.0, kv=0.25
        )
        for pool in engine.catalog.pools
    }
