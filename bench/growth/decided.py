"""What runs under callgrind: decisions at every point of a plan, ``python -m ... PLAN``.

It imports as little as a server does, since everything takes fifty times as long there. Loads of
pools are set once, so that no thread that reads them is counted along.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from bench.in_process import servicer_of
from bench.instructions import decide_all
from router.catalog import load_catalog
from router.cost.pools.load import PoolState, nothing_read
from router.engine import Engine, build_engine
from router.predict.artifact import Artifact, load_artifact


class Step(TypedDict):
    """One point: its artifact and catalog, a file of requests, and how many are counted."""

    artifact: str
    catalog: str
    requests: str
    calls: int


def decide_plan(steps: Sequence[Step]) -> None:
    """Decide every step's requests, each stretch between marks; artifacts are loaded once."""
    loaded: dict[str, Artifact] = {}
    for step in steps:
        name = step["artifact"]
        if name not in loaded:
            loaded[name] = load_artifact(Path(name), list(loaded.values()))
        given = build_engine(loaded[name], load_catalog(Path(step["catalog"])))
        with servicer_of(given) as (servicer, engine):
            set_loads(engine)
            decide_all(servicer, Path(step["requests"]), step["calls"])


def set_loads(engine: Engine) -> None:
    """Let every pool be half busy, as just read."""
    if engine.pools is None:
        return
    engine.pools.loads = {
        pool.name: nothing_read(pool)._replace(
            state=PoolState.SERVING, at=time.monotonic(), under_way=5.0, kv=0.25
        )
        for pool in engine.catalog.pools
    }


if __name__ == "__main__":
    decide_plan(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
