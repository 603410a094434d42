"""``Review`` and the plan of ``Route`` on the wire: checked on the way in, translated back.

What is decided lives in ``router.review.look``; nothing of a call is stored.
"""

import math

from router.engine import Engine
from router.errors import InvalidRequestError
from router.review.candidates import Candidates, candidates_of
from router.review.digest import (
    ANSWER_FEATURE_NAMES,
    ANSWER_FEATURES_VERSION,
    Digest,
    digest_of,
)
from router.review.final import Kind
from router.review.look import Finish, GivenAnswer, Outcome, look
from router.review.plan import foresee, plan
from router.review.rule import Branch
from router.server.convert import short_id, to_goal, to_request
from router.server.limits import MAX_TOKENS, Limits
from router.types import Decision, Deployment, Estimate, Goal, IneligibleReason
from router.v1 import router_pb2 as pb

MAX_ANSWERS = 8
_MAX_VECTOR = 4096


def review(engine: Engine, wire: pb.ReviewRequest, limits: Limits) -> pb.ReviewResponse:
    """Say what to do with the answers so far.

    Raises:
        InvalidRequestError: names the field, what was given and what is allowed.
        NoCandidateError: as ``Route``, where the request is given again.
    """
    estimates, goal = _decided(engine, wire, limits)
    _refuse_contract(goal)
    wait_usd = _wait_usd("wait_usd", wire.wait_usd)
    tiers = engine.artifact.tier_names
    candidates = candidates_of(estimates, tiers)
    answers = _answers(engine, wire)
    outcome = look(engine.artifact.review, candidates, answers, goal, wait_usd)
    answered = {
        tiers.index(_deployment(engine, one.deployment, "").tier): one.deployment
        for one in wire.answers
    }
    return _response(engine, wire, outcome, candidates, answered)


def with_plan(
    engine: Engine, wire: pb.RouteRequest, decision: Decision, response: pb.RouteResponse
) -> pb.RouteResponse:
    """Add a plan to a decision's answer if the request asks for one; return the answer.

    Raises:
        InvalidRequestError: the waiting price is wrong, or the goal is a contract.
    """
    if not wire.HasField("plan"):
        return response
    _refuse_contract(decision.goal)
    wait_usd = _wait_usd("plan.wait_usd", wire.plan.wait_usd)
    tiers = engine.artifact.tier_names
    candidates = candidates_of(decision.estimates, tiers)
    plain = tiers.index(decision.chosen.deployment.tier)
    beliefs = foresee(engine.artifact.review, candidates)
    made = plan(beliefs, candidates, plain, decision.goal, wait_usd)
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


def _decided(
    engine: Engine, wire: pb.ReviewRequest, limits: Limits
) -> tuple[tuple[Estimate, ...], Goal]:
    if wire.HasField("decision") == wire.HasField("request"):
        raise InvalidRequestError(
            "decision",
            "give exactly one of decision, as Route answered it, and request, as Route was asked",
            reason="DECISION_AMBIGUOUS",
        )
    if wire.HasField("request"):
        decision = engine.route(to_request(wire.request, engine.catalog, limits))
        return decision.estimates, decision.goal
    return _estimates(engine, wire.decision), engine.resolve_goal(to_goal(wire.decision.goal))


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


def _answers(engine: Engine, wire: pb.ReviewRequest) -> list[GivenAnswer]:
    if not 0 < len(wire.answers) <= MAX_ANSWERS:
        raise InvalidRequestError(
            "answers",
            f"{len(wire.answers)} given, must be from 1 to {MAX_ANSWERS}",
            reason="ANSWER_COUNT",
        )
    names = [one.deployment for one in wire.answers]
    if len(set(names)) < len(names):
        raise InvalidRequestError(
            "answers", f"{names} given; a deployment answers once", reason="ANSWER_TWICE"
        )
    return [_answer(engine, one, f"answers[{place}]") for place, one in enumerate(wire.answers)]


def _answer(engine: Engine, wire: pb.Answer, field: str) -> GivenAnswer:
    deployment = _deployment(engine, wire.deployment, field)
    if int(wire.finish_reason) not in {finish.value for finish in Finish}:
        raise InvalidRequestError(
            f"{field}.finish_reason", "must say how the answer ended", reason="FINISH_MISSING"
        )
    finish = Finish(wire.finish_reason)
    has_text, has_digest = wire.HasField("text"), wire.HasField("digest")
    if (has_text and has_digest) or not (has_text or has_digest or finish is Finish.ERROR):
        raise InvalidRequestError(
            field, "give exactly one of text and digest", reason="ANSWER_AMBIGUOUS"
        )
    count = wire.output_token_count if wire.HasField("output_token_count") else None
    if (count is None and has_digest) or not 0 <= (count or 0) <= MAX_TOKENS:
        raise InvalidRequestError(
            f"{field}.output_token_count",
            f"{count} given, must be from 0 to {MAX_TOKENS}, and known where a digest is given",
            reason="TOKENS_OUT_OF_RANGE",
        )
    tier = engine.artifact.tier_names.index(deployment.tier)
    if has_digest:
        return GivenAnswer(tier, finish, _digest(wire.digest, count or 0, f"{field}.digest"))
    digest = digest_of(wire.text, count)
    if digest.kind is Kind.TEXT:
        vector = engine.artifact.encoder.encode([wire.text])[0][0]
        digest = digest_of(wire.text, count, vector=tuple(vector.tolist()))
    return GivenAnswer(tier, finish, digest)


def _digest(wire: pb.AnswerDigest, token_count: int, field: str) -> Digest:
    if int(wire.kind) not in {kind.value for kind in Kind}:
        raise InvalidRequestError(f"{field}.kind", "must be set", reason="KIND_MISSING")
    expected = (ANSWER_FEATURES_VERSION, len(ANSWER_FEATURE_NAMES))
    if (wire.features_version, len(wire.features)) != expected:
        raise InvalidRequestError(
            f"{field}.features",
            f"version {wire.features_version} with {len(wire.features)} numbers given, must be "
            f"version {expected[0]} with {expected[1]}: make digests with the client of this "
            "release",
            reason="DIGEST_VERSION",
        )
    if len(wire.vector) > _MAX_VECTOR or not all(
        math.isfinite(value) for value in (*wire.features, *wire.vector)
    ):
        raise InvalidRequestError(
            field,
            f"numbers must be finite, and a vector holds at most {_MAX_VECTOR}",
            reason="DIGEST_NUMBERS",
        )
    return Digest(
        kind=Kind(wire.kind),
        final_hash=short_id(f"{field}.final_hash", wire.final_hash),
        features=(math.log1p(token_count), *wire.features[1:]),  # the count reported, not estimated
        token_count=token_count,
        refused=wire.refused,
        vector=tuple(wire.vector),
    )


def _deployment(engine: Engine, name: str, field: str) -> Deployment:
    for deployment in engine.catalog.deployments:
        if deployment.id == name:
            return deployment
    known = sorted(deployment.id for deployment in engine.catalog.deployments)
    raise InvalidRequestError(
        f"{field}.deployment",
        f"{name!r} given, the catalog has {known}",
        reason="UNKNOWN_DEPLOYMENT",
        metadata={"given": name},
    )


def _refuse_contract(goal: Goal) -> None:
    if goal.contract is not None:
        raise InvalidRequestError(
            "goal.contract",
            "no contract is calibrated for reviews: give quality_target or willingness_to_pay_usd",
            reason="REVIEW_WITHOUT_CONTRACT",
        )


def _wait_usd(field: str, value: float) -> float:
    if not (math.isfinite(value) and value >= 0.0):
        raise InvalidRequestError(
            field, f"{value} given, must be a finite number of USD >= 0", reason="USD_OUT_OF_RANGE"
        )
    return value


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
