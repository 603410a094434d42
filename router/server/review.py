"""``Review`` and the plan of ``Route`` on the wire: translated, decided, translated back.

What is decided lives in ``router.review.look``; what callers give is checked in ``given_decision``
and ``given_answers``. Nothing of a call is stored.
"""

from router.engine import Engine
from router.errors import InvalidRequestError
from router.review.candidates import Candidates, candidates_of
from router.review.covered import covered_by
from router.review.look import Outcome, look
from router.review.plan import foresee, plan
from router.review.rule import Branch
from router.server.given_answers import deployment_named, given_answers
from router.server.given_decision import decided
from router.server.goal_wire import checked_wait_usd
from router.server.limits import Limits
from router.types import Decision, Goal
from router.v1 import router_pb2 as pb


def review(engine: Engine, wire: pb.ReviewRequest, limits: Limits) -> pb.ReviewResponse:
    """Say what to do with the answers so far.

    Raises:
        InvalidRequestError: names the field, what was given and what is allowed.
        NoCandidateError, NotCalibratedError: as ``Route``, where the request is given again.
    """
    estimates, goal, terms = decided(engine, wire, limits)
    wait_usd = checked_wait_usd("wait_usd", wire.wait_usd)
    if wait_usd and goal.contract is not None and goal.contract.reviewed:
        raise InvalidRequestError(
            "wait_usd",
            f"{wait_usd} given; a contract over reviews was calibrated without a price of waiting: "
            "leave it out",
            reason="WAIT_UNDER_CONTRACT",
        )
    tiers = engine.artifact.tier_names
    candidates = candidates_of(estimates, tiers)
    answers = given_answers(engine, wire.answers)
    covered = None
    if terms is not None and terms.willingness_to_pay_usd is not None:
        goal = Goal(willingness_to_pay_usd=terms.willingness_to_pay_usd)
    elif terms is not None:
        covered = covered_by(terms, candidates.adequacy)
    outcome = look(engine.artifact.review, candidates, answers, goal, wait_usd, covered=covered)
    answered = {
        tiers.index(deployment_named(engine, one.deployment, "").tier): one.deployment
        for one in wire.answers
    }
    return _response(engine, wire, outcome, candidates, answered)


def with_plan(
    engine: Engine, wire: pb.RouteRequest, decision: Decision, response: pb.RouteResponse
) -> pb.RouteResponse:
    """Add a plan to a decision's answer if the request asks for one; return the answer.

    Under a contract it is the decision as it stands, since the contract holds without a review,
    which can only cost more; under a contract over reviews it is what the contract covers.
    """
    if not wire.HasField("plan"):
        return response
    wait_usd = wire.plan.wait_usd
    tiers = engine.artifact.tier_names
    candidates = candidates_of(decision.estimates, tiers)
    plain = tiers.index(decision.chosen.deployment.tier)
    goal, terms = decision.goal, decision.contract_terms
    if terms is not None and terms.willingness_to_pay_usd is not None:
        goal = Goal(willingness_to_pay_usd=terms.willingness_to_pay_usd)
    reviewable = goal.contract is None
    beliefs = foresee(engine.artifact.review, candidates) if reviewable else {}
    made = plan(beliefs, candidates, plain, goal, wait_usd)
    response.plan.CopyFrom(
        pb.Plan(
            tier=tiers[made.first],
            deployment=candidates.cheapest[made.first].deployment.id
            if made.review
            else decision.chosen.deployment.id,
            review=made.review,
            expected_quality=made.quality,
            expected_cost_usd=made.cost_usd,
            expected_answer_count=made.answers,
            unreviewed_quality=made.plain_quality,
            unreviewed_cost_usd=made.plain_cost_usd,
        )
    )
    return response


def _response(
    engine: Engine,
    wire: pb.ReviewRequest,
    outcome: Outcome,
    candidates: Candidates,
    answered: dict[int, str],
) -> pb.ReviewResponse:
    tiers = engine.artifact.tier_names

    def branch(one: Branch) -> pb.ReviewBranch:
        name = answered.get(one.tier) or candidates.cheapest[one.tier].deployment.id
        return pb.ReviewBranch(
            action=one.action.value,  # type: ignore[arg-type]  # values equal the wire enum's
            tier=tiers[one.tier],
            deployment=name,
            expected_quality=one.quality,
            expected_cost_usd=one.cost_usd,
            expected_answer_count=one.answers,
        )

    return pb.ReviewResponse(
        decision_id=wire.decision.decision_id,
        branch=branch(outcome.branch),
        reason=outcome.why.value,  # type: ignore[arg-type]  # values equal the wire enum's
        branches=[branch(one) for one in outcome.branches],
        artifact_version=engine.artifact.version,
        catalog_version=engine.catalog.version,
        agreement=0 if outcome.agreement is None else outcome.agreement.value,  # type: ignore[arg-type]  # the same
    )
