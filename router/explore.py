"""Exploration: now and then a tier is drawn at random among those that the goal allows.

Only then can a log of decisions speak for another policy (docs/off-policy.md). Allowed are, with a
quality target, the tiers that reach it; with a willingness to pay, every eligible tier; under a
contract, the permitted ones, if the contract covers *any* of them. Where the goal allows one tier
only, nothing is explored. Each tier stands for its cheapest candidate, so that a tier taken means
the same whether it was drawn or chosen. Pure: chance comes from the decision's id.
"""

from collections.abc import Sequence

from router.chance import exploration_chance, picked
from router.promise.rule import permitted_tiers
from router.types import Decision, DecisionReason, Estimate

_CLOSED = frozenset(
    {
        DecisionReason.TARGET_UNREACHABLE,
        DecisionReason.CONTRACT_UNREACHABLE,
        DecisionReason.CONTRACT_SUSPENDED,
    }
)


def open_choices(decision: Decision, tier_names: Sequence[str]) -> tuple[Estimate, ...]:
    """Return what the goal allows: the cheapest allowed candidate of each tier, lowest tier first.

    Args:
        decision: As the policy made it, not explored.
        tier_names: The catalog's tiers, lowest first.

    Returns:
        At least one; the decision's own choice is among them.
    """
    if decision.reason in _CLOSED:
        return (decision.chosen,)
    allowed = _allowed(decision, tier_names)
    cheapest: dict[str, Estimate] = {decision.chosen.deployment.tier: decision.chosen}
    for estimate in decision.estimates:
        tier = estimate.deployment.tier
        if estimate.ineligible or tier not in allowed:
            continue
        known = cheapest.get(tier)
        if known is None or estimate.expected_cost_usd < known.expected_cost_usd:
            cheapest[tier] = estimate
    return tuple(cheapest[name] for name in tier_names if name in cheapest)


def explored(decision: Decision, share: float, tier_names: Sequence[str]) -> Decision:
    """Return the decision, or with probability ``share`` one drawn among what the goal allows.

    A draw that falls on the choice itself leaves the decision as it is.

    Args:
        decision: As the policy made it.
        share: Probability of exploring, in [0, 1].
        tier_names: The catalog's tiers, lowest first.
    """
    if exploration_chance(decision.decision_id) >= share:
        return decision
    choices = open_choices(decision, tier_names)
    chosen = choices[picked(decision.decision_id, len(choices))]
    if chosen is decision.chosen:
        return decision
    return decision._replace(chosen=chosen, reason=DecisionReason.EXPLORED)


def propensities(decision: Decision, share: float, tier_names: Sequence[str]) -> dict[str, float]:
    """Return the probability with which each tier is taken; they add up to 1.

    Args:
        decision: As the policy made it, not explored.
        share: Probability of exploring, in [0, 1].
        tier_names: The catalog's tiers, lowest first; each has an entry, 0 where impossible.
    """
    choices = open_choices(decision, tier_names)
    result = dict.fromkeys(tier_names, 0.0)
    for choice in choices:
        result[choice.deployment.tier] = share / len(choices)
    result[decision.chosen.deployment.tier] += 1.0 - share
    return result


def _allowed(decision: Decision, tier_names: Sequence[str]) -> frozenset[str]:
    goal, terms = decision.goal, decision.contract_terms
    if goal.quality_target is None and terms is None:
        return frozenset(tier_names)
    adequacy = {one.deployment.tier: one.adequacy for one in decision.estimates}
    if terms is None:
        target = goal.quality_target or 0.0
        return frozenset(tier for tier, value in adequacy.items() if value >= target)
    if terms.covers != "any" or len(adequacy) < len(tier_names):
        return frozenset()
    permitted = permitted_tiers([adequacy[name] for name in tier_names], terms.threshold)
    return frozenset(name for name, is_in in zip(tier_names, permitted, strict=True) if is_in)
