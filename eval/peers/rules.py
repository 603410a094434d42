"""Prompts through the two routers that LiteLLM ships for use without a network.

``complexity_router`` scores seven weighted rules and cuts the score into four tiers;
``heuristic_v2`` looks a cohort (request type, length, code, mathematics, choices, script) up in a
table learnt from UltraFeedback and gives P(success) per tier. Neither calls a model.
"""

import os
from collections.abc import Callable, Sequence
from unittest.mock import MagicMock

import numpy as np

from eval.arrays import FloatArray
from eval.peers.names import RULES_SCORE, RULES_TIER, V2_PROBABILITIES

PACKAGE = "litellm"
TIERS = ("SIMPLE", "MEDIUM", "COMPLEX", "REASONING")


def rules_router() -> Callable[[str], tuple[int, float]]:
    """Return the rule scorer with its defaults: prompt -> tier (0 to 3), score."""
    router = _router({})

    def score(prompt: str) -> tuple[int, float]:
        tier, value, _ = router.classify(prompt)
        return TIERS.index(tier.value), float(value)

    return score


def v2_router() -> Callable[[str], tuple[float, ...]]:
    """Return the learnt table with its shipped artifact: prompt -> P(success) of its four tiers."""
    router = _router({"classifier_type": "heuristic_v2"})

    def score(prompt: str) -> tuple[float, ...]:
        # There is no public call that returns the probabilities.
        outcome = router._classify_with_heuristic_v2(prompt)  # noqa: SLF001
        found = outcome.heuristic_v2_forecast["probabilities"]
        return tuple(float(found[tier]) for tier in TIERS)

    return score


def rule_columns(texts: Sequence[str]) -> dict[str, FloatArray]:
    """Score n texts with both: columns of (n,)."""
    rules, learnt = rules_router(), v2_router()
    by_rules = np.array([rules(text) for text in texts], dtype=np.float64)
    by_table = np.array([learnt(text) for text in texts], dtype=np.float64)
    columns = {RULES_TIER: by_rules[:, 0], RULES_SCORE: by_rules[:, 1]}
    return columns | {name: by_table[:, i] for i, name in enumerate(V2_PROBABILITIES)}


def stay_offline() -> None:
    """Keep the import of the package from asking a hub and a price list on the network."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")


def _router(config: dict[str, object]) -> MagicMock:
    stay_offline()
    from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter

    models = {"tiers": {tier: tier.lower() for tier in TIERS}}
    made: MagicMock = ComplexityRouter("measured", MagicMock(), {**models, **config})
    return made
