"""A goal over the wire, both ways: checked as it comes, with what a contract asks of the rest.

The rest itself is ``convert`` on the way in, ``answer`` on the way out.
"""

import math
from collections.abc import Mapping
from typing import Any

from router.errors import InvalidRequestError
from router.types import DEFAULT_CONFIDENCE, Contract, Goal
from router.v1 import router_pb2 as pb

Given = Mapping[str, Any]
"""The fields of a wire request that are set, by name: one look at it instead of fifteen."""


def to_goal(wire: pb.Goal) -> Goal:
    """Check a wire goal.

    Raises:
        InvalidRequestError: more than one way of stating the goal, or a number out of range.
    """
    target = wire.quality_target if wire.HasField("quality_target") else None
    pay = wire.willingness_to_pay_usd if wire.HasField("willingness_to_pay_usd") else None
    limit = wire.max_cost_usd if wire.HasField("max_cost_usd") else None
    contract = _contract(wire.contract) if wire.HasField("contract") else None
    goal = Goal(target, pay, limit, contract)
    if goal.rules() > 1:
        ways = {
            "quality_target": target,
            "willingness_to_pay_usd": pay,
            "contract with max_loss_rate": contract and contract.max_loss_rate,
        }
        given = " and ".join(f"{way} {value}" for way, value in ways.items() if value is not None)
        raise InvalidRequestError(
            "goal", f"{given} given; give one of them", reason="GOAL_AMBIGUOUS"
        )
    if target is not None and not 0.0 <= target <= 1.0:
        raise InvalidRequestError(
            "goal.quality_target",
            f"{target} given, must be from 0 to 1",
            reason="TARGET_OUT_OF_RANGE",
            metadata={"given": str(target)},
        )
    for name, value in (("willingness_to_pay_usd", pay), ("max_cost_usd", limit)):
        if value is not None and not (math.isfinite(value) and value > 0.0):
            raise InvalidRequestError(
                f"goal.{name}",
                f"{value} given, must be a finite number of USD above 0",
                reason="USD_OUT_OF_RANGE",
                metadata={"given": str(value)},
            )
    return goal


def _contract(wire: pb.Contract) -> Contract:
    confidence = wire.confidence if wire.HasField("confidence") else DEFAULT_CONFIDENCE
    for name, value in (("max_loss_rate", wire.max_loss_rate), ("confidence", confidence)):
        if not 0.0 < value < 1.0:
            raise InvalidRequestError(
                f"goal.contract.{name}",
                f"{value} given, must be above 0 and below 1",
                reason="CONTRACT_OUT_OF_RANGE",
                metadata={"given": str(value)},
            )
    if 1.0 - confidence == 1.0:  # nothing would be left to bet against
        raise InvalidRequestError(
            "goal.contract.confidence",
            f"{confidence} given, which is 0 to sixteen digits; give a greater one, such as 0.9",
            reason="CONTRACT_OUT_OF_RANGE",
            metadata={"given": str(confidence)},
        )
    if wire.per_topic and wire.reviewed:
        raise InvalidRequestError(
            "goal.contract",
            "per_topic and reviewed given; reviews are calibrated over all topics together: leave "
            "one out",
            reason="CONTRACT_AMBIGUOUS",
        )
    return Contract(wire.max_loss_rate, confidence, wire.per_topic, wire.reviewed)


def checked_wait_usd(field: str, value: float) -> float:
    """Return a price of waiting, USD a further answer, finite and >= 0.

    Raises:
        InvalidRequestError: it is none.
    """
    if not (math.isfinite(value) and value >= 0.0):
        raise InvalidRequestError(
            field, f"{value} given, must be a finite number of USD >= 0", reason="USD_OUT_OF_RANGE"
        )
    return value


def require_plan(given: Given) -> None:
    """Refuse a contract over reviews without the plan that it covers.

    Raises:
        InvalidRequestError: no plan is asked for, or one with a price of waiting.
    """
    if "plan" not in given:
        raise InvalidRequestError(
            "plan",
            "not given; a contract over reviews (goal.contract.reviewed) covers what comes of "
            "following the plan: set it, or leave reviewed out",
            reason="PLAN_MISSING",
        )
    if given["plan"].wait_usd:
        raise InvalidRequestError(
            "plan.wait_usd",
            f"{given['plan'].wait_usd} given; a contract over reviews was calibrated without a "
            "price of waiting: leave it out",
            reason="WAIT_UNDER_CONTRACT",
        )


def from_goal(goal: Goal) -> pb.Goal:
    """Return the wire form of a goal; unset stays unset."""
    return pb.Goal(
        quality_target=goal.quality_target,
        willingness_to_pay_usd=goal.willingness_to_pay_usd,
        max_cost_usd=goal.max_cost_usd,
        contract=None if goal.contract is None else from_contract(goal.contract),
    )


def from_contract(contract: Contract) -> pb.Contract:
    """Return the wire form of a contract."""
    return pb.Contract(
        max_loss_rate=contract.max_loss_rate,
        confidence=contract.confidence,
        per_topic=contract.per_topic,
        reviewed=contract.reviewed,
    )
