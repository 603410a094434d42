"""Answers that came back, as the caller tells of them, checked."""

import math
from collections.abc import Sequence

from router.engine import Engine
from router.errors import InvalidRequestError
from router.review.digest import (
    ANSWER_FEATURE_NAMES,
    ANSWER_FEATURES_VERSION,
    Digest,
    digest_of,
)
from router.review.final import Kind
from router.review.look import Finish, GivenAnswer
from router.server.convert import short_id
from router.server.limits import MAX_ANSWER_CHARS, MAX_TOKENS
from router.types import Deployment
from router.v1 import router_pb2 as pb

MAX_ANSWERS = 8
_MAX_VECTOR = 4096


def given_answers(engine: Engine, wire: Sequence[pb.Answer]) -> list[GivenAnswer]:
    """Return answers in the order they came.

    Raises:
        InvalidRequestError: names the field, what was given and what is allowed.
    """
    if not 0 < len(wire) <= MAX_ANSWERS:
        raise InvalidRequestError(
            "answers",
            f"{len(wire)} given, must be from 1 to {MAX_ANSWERS}",
            reason="ANSWER_COUNT",
        )
    names = [one.deployment for one in wire]
    if len(set(names)) < len(names):
        raise InvalidRequestError(
            "answers", f"{names} given; a deployment answers once", reason="ANSWER_TWICE"
        )
    return [_answer(engine, one, f"answers[{place}]") for place, one in enumerate(wire)]


def _answer(engine: Engine, wire: pb.Answer, field: str) -> GivenAnswer:
    deployment = deployment_named(engine, wire.deployment, field)
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
    if len(wire.text) > MAX_ANSWER_CHARS:
        raise InvalidRequestError(
            f"{field}.text",
            f"{len(wire.text)} characters given, at most {MAX_ANSWER_CHARS} are read; give a "
            "digest instead",
            reason="ANSWER_TOO_LONG",
            metadata={"given": str(len(wire.text)), "limit": str(MAX_ANSWER_CHARS)},
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


def deployment_named(engine: Engine, name: str, field: str) -> Deployment:
    """Return a deployment of the catalog by its id.

    Raises:
        InvalidRequestError: there is none of that name.
    """
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
