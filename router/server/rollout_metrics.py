"""Reloads, canary and shadow as metrics. What is counted stands with who counts it."""

import math

from router.metrics import families
from router.metrics.registry import Registry
from router.rollout.tally import Interval
from router.server.attempts import Action, Outcome
from router.server.versions import Versions

_TRIALS = (
    families.CANARY_DECISIONS,
    families.CANARY_COST,
    families.SHADOW_COMPARED,
    families.SHADOW_LEFT_OUT,
    families.SHADOW_COST,
    families.SHADOW_ADEQUACY,
)


def tell_rollout(registry: Registry, versions: Versions) -> None:
    """Set the metrics of changes and trials to what they are now; on the registry's thread."""
    counts = versions.attempts.counts()
    for action in Action:
        for outcome in Outcome:
            cell = registry.cell(families.CHANGES, action.name.lower(), outcome.name.lower())
            cell.value = counts.get((action, outcome), 0)
    registry.cell(families.RELOAD_OK).value = int(versions.reload_is_well)
    for family in _TRIALS:
        registry.clear(family)
    _tell_canary(registry, versions)
    _tell_shadow(registry, versions)


def _tell_canary(registry: Registry, versions: Versions) -> None:
    canary = versions.switch.now.canary
    if canary is None:
        return
    for arm, by_canary in (("main", False), ("canary", True)):
        counted = canary.counted(by_canary=by_canary)
        for tier, count in counted.tiers.items():
            registry.cell(families.CANARY_DECISIONS, arm, tier).value = count
        cost = registry.cell(families.CANARY_COST, arm)
        cost.value = _sum(counted.expected_cost_usd, counted.decisions)


def _tell_shadow(registry: Registry, versions: Versions) -> None:
    shadow = versions.switch.now.shadow
    if shadow is None:
        return
    compared = shadow.comparison.so_far()
    for (tier, other), count in compared.moves.items():
        registry.cell(families.SHADOW_COMPARED, tier, other).value = count
    for reason, count in (*compared.failures.items(), ("NO_ROOM", shadow.dropped)):
        registry.cell(families.SHADOW_LEFT_OUT, reason).value = count
    for family, mean in (
        (families.SHADOW_COST, compared.cost_usd),
        (families.SHADOW_ADEQUACY, compared.adequacy),
    ):
        registry.cell(family).value = _sum(mean, compared.requests)


def _sum(mean: Interval, n: int) -> float:
    return 0.0 if math.isnan(mean.value) else mean.value * n
