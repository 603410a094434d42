"""The decision a review is about, as the caller gives it back, checked.

Nothing of a decision is stored, so its numbers are the caller's word; their range is checked here.
"""

import math
from typing import NamedTuple

from router.contract_choice import applicable
from router.engine import Engine
from router.errors import InvalidRequestError
from router.promise.contract import ContractTerms
from router.server.convert import to_request
from router.server.goal_wire import to_goal
from router.server.limits import MAX_TOKENS, Limits
from router.types import Contract, Estimate, Goal, IneligibleReason
from router.v1 import router_pb2 as pb


class Decided(NamedTuple):
    """What a review needs of a decision; ``terms`` are those in force now, of a contract."""

    estimates: tuple[Estimate, ...]
    goal: Goal
    terms: ContractTerms | None


def decided(engine: Engine, wire: pb.ReviewRequest, limits: Limits) -> Decided:
    """Return the decision a review is about, given back or made again.

    Raises:
        InvalidRequestError: neither or both are given, or not as ``Route`` answered it.
        NoCandidateError, NotCalibratedError: as ``Route``, where the request is given again.
    """
    if wire.HasField("decision") == wire.HasField("request"):
        raise InvalidRequestError(
            "decision",
            "give exactly one of decision, as Route answered it, and request, as Route was asked",
            reason="DECISION_AMBIGUOUS",
        )
    if wire.HasField("request"):
        decision = engine.route(to_request(wire.request, engine.catalog, limits))
        return Decided(decision.estimates, decision.goal, decision.contract_terms)
    estimates = _estimates(engine, wire.decision)
    goal = engine.resolve_goal(to_goal(wire.decision.goal))
    terms = None
    if goal.contract is not None:
        topic = _topic(engine, goal.contract, wire.decision)
        terms, _ = engine.terms_in_force(goal.contract, topic)
        terms = applicable(terms, estimates, engine.catalog.tier_names)
    return Decided(estimates, goal, terms)


def _topic(engine: Engine, contract: Contract, wire: pb.RouteResponse) -> int | None:
    """Return the place of the topic a decision names, if its contract is per topic."""
    promise, given = engine.artifact.promise, wire.contract_terms.topic
    if not contract.per_topic or promise is None or promise.by_topic is None:
        return None
    known = promise.by_topic.topics.names
    if given not in known:
        raise InvalidRequestError(
            "decision.contract_terms.topic",
            f"{given!r} given, must be one of {list(known)}, as Route answered it",
            reason="DECISION_ALTERED",
        )
    return known.index(given)


def _estimates(engine: Engine, wire: pb.RouteResponse) -> tuple[Estimate, ...]:
    """Read a decision's candidates back; the caller vouches for the numbers, we for their range."""
    given = (wire.artifact_version, wire.catalog_version)
    known = (engine.artifact.version, engine.catalog.version)
    if given != known:
        raise InvalidRequestError(
            "decision",
            f"made by artifact and catalog {given}, this server has {known}: give request instead",
            reason="DECISION_OUTDATED",
        )
    if [one.deployment for one in wire.candidates] != [d.id for d in engine.catalog.deployments]:
        raise InvalidRequestError(
            "decision.candidates",
            "must be the candidates as Route answered them, all and in that order",
            reason="DECISION_ALTERED",
        )
    estimates = []
    for place, (one, deployment) in enumerate(
        zip(wire.candidates, engine.catalog.deployments, strict=True)
    ):
        cost = one.expected_cost_usd if one.HasField("expected_cost_usd") else math.nan
        tokens_in, tokens_out = one.input_token_count, one.output_token_count
        if (
            not 0.0 <= one.adequacy <= 1.0
            or not 0 <= min(tokens_in, tokens_out) <= max(tokens_in, tokens_out) <= MAX_TOKENS
            or (deployment.price is None and not deployment.pool) != math.isnan(cost)
            or cost < 0.0
            or math.isinf(cost)
            or not set(one.ineligible_reasons) <= set(IneligibleReason)
        ):
            raise InvalidRequestError(
                f"decision.candidates[{place}]",
                "holds a number out of range: give the decision as Route answered it",
                reason="DECISION_ALTERED",
            )
        reasons = tuple(IneligibleReason(reason) for reason in one.ineligible_reasons)
        estimates.append(
            Estimate(deployment, one.adequacy, cost, float(tokens_in), float(tokens_out), reasons)
        )
    return tuple(estimates)
