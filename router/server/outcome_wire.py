"""An outcome as a caller reports it, checked."""

import math

from router.errors import InvalidRequestError
from router.ledger.store import RecordedOutcome
from router.server.arm import InForce
from router.server.convert import short_id
from router.v1 import router_pb2 as pb


def to_outcome(wire: pb.RecordOutcomeRequest, now: InForce) -> RecordedOutcome:
    """Return a reported outcome.

    Args:
        wire: As reported.
        now: Who is in force. A decision of an earlier catalog may be reported on after that catalog
            is gone.

    Raises:
        InvalidRequestError: names the field, what was given and what is allowed.
    """
    quality = wire.quality if wire.HasField("quality") else None
    latency_ms = wire.latency_ms if wire.HasField("latency_ms") else None
    if quality is not None and not 0.0 <= quality <= 1.0:
        raise InvalidRequestError(
            "quality",
            f"{quality} given, must be from 0 to 1",
            reason="QUALITY_OUT_OF_RANGE",
            metadata={"given": str(quality)},
        )
    if latency_ms is not None and not (math.isfinite(latency_ms) and latency_ms >= 0.0):
        raise InvalidRequestError(
            "latency_ms",
            f"{latency_ms} given, must be a finite number >= 0",
            reason="LATENCY_OUT_OF_RANGE",
            metadata={"given": str(latency_ms)},
        )
    if wire.deployment and wire.deployment not in now.deployments:
        known = sorted(deployment.id for deployment in now.main.engine.catalog.deployments)
        raise InvalidRequestError(
            "deployment",
            f"{wire.deployment!r} given, the catalog has {known}",
            reason="UNKNOWN_DEPLOYMENT",
            metadata={"given": wire.deployment},
        )
    return RecordedOutcome(
        decision_id=short_id("decision_id", wire.decision_id, required=True),
        request_id=short_id("request_id", wire.request_id, required=True),
        quality=quality,
        input_tokens=_token_count("input_token_count", wire),
        output_tokens=_token_count("output_token_count", wire),
        latency_ms=latency_ms,
        deployment=wire.deployment,
    )


def _token_count(field: str, wire: pb.RecordOutcomeRequest) -> int | None:
    if not wire.HasField(field):  # type: ignore[arg-type]  # one of two literals
        return None
    value = int(getattr(wire, field))
    if value < 0:
        raise InvalidRequestError(
            field,
            f"{value} given, must be >= 0",
            reason="TOKENS_OUT_OF_RANGE",
            metadata={"given": str(value)},
        )
    return value
