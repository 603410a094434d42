"""Deadlines over the wire: a request's checked, and what came of it written into the answer."""

import math

from router.catalog import Catalog
from router.deferred.choice import asked_later
from router.deferred.ways import Deadline, Offer, ServiceWay
from router.errors import InvalidRequestError
from router.server.goal_wire import Given
from router.types import Decision
from router.v1 import router_pb2 as pb

MOST_SECONDS = 30 * 24 * 3600.0


def to_deadline(given: Given, catalog: Catalog) -> Deadline:
    """Check the deadline of a wire request that has one.

    Raises:
        InvalidRequestError: a number out of range, no confidence stated anywhere, or a plan beside.
    """
    wire = given["deadline"]
    seconds: float = wire.needed_within_seconds
    if not (math.isfinite(seconds) and 0.0 < seconds <= MOST_SECONDS):
        raise InvalidRequestError(
            "deadline.needed_within_seconds",
            f"{seconds:.16g} given, must be above 0 and at most {MOST_SECONDS:.0f} (30 days)",
            reason="DEADLINE_OUT_OF_RANGE",
            metadata={"given": str(seconds)},
        )
    confidence = wire.confidence if wire.HasField("confidence") else catalog.deadlines.confidence
    if confidence is None:
        raise InvalidRequestError(
            "deadline.confidence",
            "not given, and the catalog states no confidence under [deadlines]; give one",
            reason="CONFIDENCE_MISSING",
        )
    if not 0.0 < confidence < 1.0:
        raise InvalidRequestError(
            "deadline.confidence",
            f"{confidence} given, must be above 0 and below 1",
            reason="CONFIDENCE_OUT_OF_RANGE",
            metadata={"given": str(confidence)},
        )
    if "plan" in given:
        raise InvalidRequestError(
            "deadline",
            "given together with plan; a plan asks for answers one after another, and how long "
            "that takes is not known: leave one out",
            reason="DEADLINE_WITH_PLAN",
        )
    return Deadline(seconds, confidence, catalog.deadlines.margin_seconds)


def with_schedule(decision: Decision, answer: pb.RouteResponse) -> pb.RouteResponse:
    """Return the answer, with schedule and offers where the decision has them.

    What was written for asking at once is taken back from candidates that are asked otherwise.
    """
    schedule = decision.schedule
    if schedule is None:
        return answer
    for candidate, offers, taken in zip(
        answer.candidates, schedule.offers, schedule.taken, strict=True
    ):
        candidate.offers.extend(map(_from_offer, offers))
        if taken is not None and taken.way is not ServiceWay.SYNC:
            candidate.ClearField("upper_cost_usd")
            candidate.ClearField("cost_split")
        if taken is not None and candidate.deployment == decision.chosen.deployment.id:
            answer.schedule.offer.CopyFrom(_from_offer(taken))
    answer.schedule.confidence = schedule.deadline.confidence
    return answer


def is_asked_later(decision: Decision) -> bool:
    """Return whether the chosen deployment sees the prompt some time later, if at all."""
    return asked_later(decision.schedule, decision.estimates, decision.chosen)


def _from_offer(offer: Offer) -> pb.Offer:
    return pb.Offer(
        way=offer.way.value,  # type: ignore[arg-type]  # equal values
        expected_cost_usd=offer.expected_cost_usd,
        in_time_probability=offer.in_time_probability,
        fall_back_after_seconds=offer.fall_back_after_seconds,
        late_probability=offer.late_probability,
    )
