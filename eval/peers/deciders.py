"""Every router that decides in the caller's own process: ours, LiteLLM's two scorers, two indexes.

Only the decision: no network, no gateway, no call of a model. Who times them is ``bench.peers``.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray
from eval.outcomes import read_outcomes
from eval.peers.index import build_index, cheapest_adequate
from eval.peers.names import INDEXES
from eval.peers.rules import rules_router, v2_router
from router.engine import Engine
from router.types import Message, Request

OURS = "this router, engine"


def deciders(engine: Engine, data: Path) -> dict[str, Callable[[str], object]]:
    """Return what decides a prompt, by name; ours first.

    Args:
        engine: Ours, whose encoder the indexes use too.
        data: Outcomes; those with every tier fill the indexes.

    Raises:
        DataError: see ``read_outcomes`` and ``OutcomeTable.for_models``.
    """
    encoder = engine.artifact.encoder
    table = read_outcomes(data).for_models([one.reference_model for one in engine.catalog.tiers])
    labels = cheapest_adequate(table.quality.astype(np.float64), engine.catalog.adequate_quality)
    stored = {f"\0{i}": vector for i, vector in enumerate(table.vectors.astype(np.float64))}

    def vector_of(docs: Sequence[str]) -> FloatArray:
        """Look stored prompts up by name and encode a text that is asked."""
        return np.array([stored[doc] if doc in stored else encoder.vector(doc)[0] for doc in docs])

    found: dict[str, Callable[[str], object]] = {
        OURS: lambda text: engine.route(Request((Message("user", text),))),
        "LiteLLM complexity rules": rules_router(),
        "LiteLLM heuristic_v2": v2_router(),
    }
    for neighbours, aggregation in INDEXES.values():
        index = build_index(
            vector_of, list(stored), labels, engine.catalog.tier_names,
            neighbours=neighbours, aggregation=aggregation,
        )  # fmt: skip
        found[f"aurelio index, our encoder ({neighbours}, {aggregation})"] = index
    return found
