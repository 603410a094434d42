"""The rule of the product, on one page and without any state: estimates and a goal to a choice.

Three rules over the same estimates. *Target*: the cheapest candidate whose adequacy reaches the
target, or the most adequate one when none does. *Trade-off*: the greatest adequacy minus cost
divided by willingness to pay (the plug-in rule of CARROT, arXiv 2502.03261, equation for one
quality and one cost). Raising either goal never lowers the adequacy nor the cost of the choice.
*Contract*: the cheapest candidate of a tier that a calibrated contract permits; which tiers those
are is ``router.promise``. Where there is a compiled kernel it looks for the best of the candidates,
by the same keys.
"""

from collections.abc import Callable, Collection, Sequence
from operator import attrgetter

from router.compiled import KERNEL
from router.errors import InvalidRequestError
from router.types import DecisionReason, Estimate, Goal

_cost = attrgetter("expected_cost_usd")
_MET, _UNREACHABLE = DecisionReason.TARGET_MET, DecisionReason.TARGET_UNREACHABLE


def choose(eligible: Sequence[Estimate], goal: Goal) -> tuple[Estimate, DecisionReason]:
    """Choose one of the eligible candidates and say why.

    Args:
        eligible: At least one estimate with no ineligibility reason and a known cost.
        goal: With exactly one of ``quality_target`` and ``willingness_to_pay_usd`` set.

    Raises:
        InvalidRequestError: the goal states neither or both of the two.
        ValueError: ``eligible`` is empty.
    """
    target, pay = goal.quality_target, goal.willingness_to_pay_usd
    if (target is None) == (pay is None):
        raise InvalidRequestError(
            "goal",
            "exactly one of quality_target and willingness_to_pay_usd must be set, "
            f"given {target!r} and {pay!r}: leave one out",
            reason="GOAL_AMBIGUOUS",
        )
    if target is not None:
        candidate, is_met = cheapest_enough(eligible, target)
        return candidate, _MET if is_met else _UNREACHABLE
    assert pay is not None  # noqa: S101 - narrows the type; the check above decides
    return best_trade_off(eligible, pay), DecisionReason.BEST_TRADE_OFF


def choose_under_contract(
    eligible: Sequence[Estimate], permitted: Collection[str]
) -> tuple[Estimate, DecisionReason]:
    """Choose the cheapest candidate of a permitted tier, or the most adequate if there is none.

    Args:
        eligible: As for ``choose``.
        permitted: Names of the tiers the contract permits for this prompt.

    Raises:
        ValueError: ``eligible`` is empty.
    """
    covered = [candidate for candidate in eligible if candidate.deployment.tier in permitted]
    if covered:
        return min(covered, key=_cheapest_first), DecisionReason.CONTRACT_KEPT
    return max(eligible, key=_most_adequate_last), DecisionReason.CONTRACT_UNREACHABLE


def cheapest_enough_in_python(eligible: Sequence[Estimate], target: float) -> tuple[Estimate, bool]:
    """Return the cheapest candidate that reaches a target and True, or the most adequate and False.

    Raises:
        ValueError: ``eligible`` is empty.
    """
    enough = [candidate for candidate in eligible if candidate.adequacy >= target]
    if enough:
        return min(enough, key=_cheapest_first), True
    return max(eligible, key=_most_adequate_last), False


def best_trade_off_in_python(eligible: Sequence[Estimate], pay: float) -> Estimate:
    """Return the candidate with the greatest adequacy less cost divided by willingness to pay.

    Raises:
        ValueError: ``eligible`` is empty.
    """
    return max(eligible, key=_worth_at(pay))


def savings_baseline_in_python(eligible: Sequence[Estimate]) -> Estimate:
    """Return the dearest tier's cheapest candidate: what a caller without a router would pay.

    Raises:
        ValueError: ``eligible`` is empty.
    """
    cheapest_of_tier: dict[str, Estimate] = {}
    for candidate in eligible:
        tier = candidate.deployment.tier
        known = cheapest_of_tier.get(tier)
        if known is None or _cheapest_first(candidate) < _cheapest_first(known):
            cheapest_of_tier[tier] = candidate
    return max(cheapest_of_tier.values(), key=_cost)


def _worth_at(pay: float) -> Callable[[Estimate], tuple[float, float, float]]:
    def worth(candidate: Estimate) -> tuple[float, float, float]:
        cost, adequacy = candidate.expected_cost_usd, candidate.adequacy
        return adequacy - cost / pay, -cost, adequacy

    return worth


def _cheapest_first(candidate: Estimate) -> tuple[float, float]:
    return candidate.expected_cost_usd, -candidate.adequacy


def _most_adequate_last(candidate: Estimate) -> tuple[float, float]:
    return candidate.adequacy, -candidate.expected_cost_usd


cheapest_enough: Callable[[Sequence[Estimate], float], tuple[Estimate, bool]] = (
    cheapest_enough_in_python if KERNEL is None else KERNEL.cheapest_enough
)
best_trade_off: Callable[[Sequence[Estimate], float], Estimate] = (
    best_trade_off_in_python if KERNEL is None else KERNEL.best_trade_off
)
savings_baseline: Callable[[Sequence[Estimate]], Estimate] = (
    savings_baseline_in_python if KERNEL is None else KERNEL.savings_baseline
)
