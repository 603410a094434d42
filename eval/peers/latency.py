"""How long a decision takes in process, every router in the same run on the same prompts.

Only the decision: no gRPC, no gateway, no call of a model. Rounds alternate between the routers, so
that whatever else the machine does falls on all of them.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray
from eval.outcomes import read_outcomes
from eval.peers.index import build_index, cheapest_adequate
from eval.peers.names import INDEXES
from eval.peers.rules import rules_router, v2_router
from router.catalog import load_catalog
from router.engine import Engine, build_engine
from router.errors import DataError
from router.predict.artifact import load_artifact
from router.types import Message, Request

OURS = "this router, engine"
_WARM_UP = 3


def latency_rows(
    prompts: Path, data: Path, artifact: Path, catalog: Path, rounds: int
) -> list[list[str]]:
    """Time every router on every prompt of a JSON-lines file: rows, the head first.

    Args:
        prompts: Lines with a ``prompt``.
        data: Outcomes; those with every tier fill the indexes.
        artifact: Ours, whose encoder the indexes use too.
        catalog: Its catalog.
        rounds: How often each prompt is asked.

    Raises:
        DataError: there is no prompt.
    """
    texts = [json.loads(line)["prompt"] for line in prompts.read_text("utf-8").splitlines() if line]
    if not texts or rounds < 1:
        raise DataError(f"{prompts}: {len(texts)} prompts, {rounds} rounds: nothing to time")
    engine = build_engine(load_artifact(artifact), load_catalog(catalog))
    routers = _routers(engine, data)
    times: dict[str, list[float]] = {name: [] for name in routers}
    for turn in range(_WARM_UP + rounds):
        for text in texts:
            for name, ask in routers.items():
                started = time.perf_counter()
                ask(text)
                spent = time.perf_counter() - started
                if turn >= _WARM_UP:
                    times[name].append(spent * 1000)
    middle = {name: float(np.median(found)) for name, found in times.items()}
    rows = [
        [
            name,
            f"{middle[name]:.3f}",
            f"{np.quantile(found, 0.99):.3f}",
            f"{middle[name] / middle[OURS]:.2f}",
        ]
        for name, found in times.items()
    ]
    return [["router", "median ms", "p99 ms", "median / ours"], *rows]


def _routers(engine: Engine, data: Path) -> dict[str, Callable[[str], object]]:
    encoder = engine.artifact.encoder
    table = read_outcomes(data).for_models([one.reference_model for one in engine.catalog.tiers])
    labels = cheapest_adequate(table.quality.astype(np.float64), engine.catalog.adequate_quality)
    stored = {f"\0{i}": vector for i, vector in enumerate(table.vectors.astype(np.float64))}

    def vector_of(docs: Sequence[str]) -> FloatArray:
        """Look stored prompts up by name and encode a text that is asked."""
        return np.array([stored[doc] if doc in stored else encoder.vector(doc)[0] for doc in docs])

    routers: dict[str, Callable[[str], object]] = {
        OURS: lambda text: engine.route(Request((Message("user", text),))),
        "our encoder alone": encoder.vector,
        "LiteLLM complexity rules": rules_router(),
        "LiteLLM heuristic_v2": v2_router(),
    }
    for neighbours, aggregation in INDEXES.values():
        index = build_index(
            vector_of, list(stored), labels, engine.catalog.tier_names,
            neighbours=neighbours, aggregation=aggregation,
        )  # fmt: skip
        routers[f"aurelio index, our encoder ({neighbours}, {aggregation})"] = index
    return routers
