"""LiteLLM's two routers exactly as shipped: where prompts go, what that costs and keeps.

Their four tiers stand for three of ours as the names suggest: the two highest are both the highest.
How much a threshold could do better is ``eval.peers.contenders``.
"""

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.cells import percent, short
from eval.outcomes import OutcomeTable
from eval.peers.names import RULES_TIER, V2_PROBABILITIES
from eval.peers.scores import PeerScores
from eval.recorded import recorded_outcomes
from router.catalog import Catalog

V2_THRESHOLD = 0.75


def shipped_rows(table: OutcomeTable, catalog: Catalog, scores: PeerScores) -> list[list[str]]:
    """List where each sends the prompts, and the share of always-large's cost and quality."""
    judged = table.for_models([tier.reference_model for tier in catalog.tiers])
    recorded = recorded_outcomes(judged, catalog)
    chance = scores.matrix(V2_PROBABILITIES, judged.prompt_ids)
    reached = np.column_stack([chance[:, :-1] >= V2_THRESHOLD, np.ones(len(chance), dtype=bool)])
    theirs = {
        "LiteLLM complexity rules": scores.matrix((RULES_TIER,), judged.prompt_ids)[:, 0],
        "LiteLLM heuristic_v2": np.argmax(reached, axis=1),
    }
    rows = []
    for name, tier in theirs.items():
        ours = np.minimum(tier.astype(np.int64), len(recorded.tiers) - 1)
        cost = _mean(recorded.cost_usd, ours) / recorded.cost_usd[:, -1].mean()
        quality = _mean(recorded.quality, ours) / recorded.quality[:, -1].mean()
        counts = np.bincount(ours, minlength=len(recorded.tiers)) / len(ours)
        rows.append([name, *(percent(float(one)) for one in counts), short(cost), short(quality)])
    head = ["as shipped", *recorded.tiers, "cost share", "quality share"]
    return [head, *rows]


def belief_rows(table: OutcomeTable, catalog: Catalog, scores: PeerScores) -> list[list[str]]:
    """List how far ``heuristic_v2``'s probabilities are from what our tiers' answers were."""
    judged = table.for_models([tier.reference_model for tier in catalog.tiers])
    adequate = (judged.quality >= catalog.adequate_quality).astype(np.float64)
    chance = scores.matrix(V2_PROBABILITIES, judged.prompt_ids)
    rows = []
    for i, tier in enumerate(catalog.tier_names):
        rate = float(adequate[:, i].mean())
        brier = float(((chance[:, i] - adequate[:, i]) ** 2).mean())
        rows.append(
            [
                tier,
                short(float(chance[:, i].mean())),
                short(rate),
                short(brier),
                short(rate * (1 - rate)),
            ]
        )
    return [["heuristic_v2 on", "predicted", "adequate", "Brier", "base rate's"], *rows]


def _mean(values: FloatArray, tiers: IntArray) -> float:
    return float(np.take_along_axis(values, tiers[:, None], axis=1).mean())
