"""What each method of the service does: translate, hand to the engine, translate back.

How gRPC calls them, and what happens to errors, is ``service``.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from google.rpc import status_pb2

from router.access.callers import current_caller
from router.engine import Engine
from router.errors import InvalidRequestError, RouterError
from router.ledger.store import OutcomeStore, RecordedOutcome
from router.server.answer import Answers, from_catalog
from router.server.convert import short_id, to_request
from router.server.follow_up import Followed, FollowUp
from router.server.limits import Limits
from router.server.review import review, with_plan
from router.server.status import to_status
from router.types import Request
from router.v1 import router_pb2 as pb


class Unfinished(NamedTuple):
    """An answer that may go out only when something that waits is done, which may add to it."""

    answer: pb.RouteResponse
    finish: Callable[[], None]


class RouterServicer:
    """The methods of ``router.v1.RouterService``, from an engine, its follow-up and a store.

    Each takes the wire request, gives the wire answer and raises ``RouterError``.
    """

    def __init__(
        self, engine: Engine, store: OutcomeStore, limits: Limits, follow_up: FollowUp
    ) -> None:
        self._engine = engine
        artifact = engine.artifact
        self._answers = Answers(engine.catalog, artifact.version, artifact.length_bounds)
        self._store = store
        self.limits = limits
        self._follow_up = follow_up

    def route(self, request: pb.RouteRequest) -> pb.RouteResponse | Unfinished:
        """Decide one request."""
        engine = self._engine
        checked = to_request(request, engine.catalog, self.limits)
        followed = self._follow_up.enter(checked, engine.route(checked))
        decision = followed.decision
        answer = self._answers.write(decision, checked.request_id, checked.max_output_tokens)
        answer = with_plan(engine, request, decision, answer)
        if followed.audit is None:
            return answer
        return Unfinished(answer, lambda: self._follow_up.write([(followed, answer)]))

    def route_batch(self, request: pb.RouteBatchRequest) -> pb.RouteBatchResponse:
        """Decide many requests; errors stand in their place."""
        given = len(request.requests)
        if not 0 < given <= self.limits.max_batch:
            raise InvalidRequestError(
                "requests",
                f"{given} given, must be from 1 to {self.limits.max_batch}; send several batches",
                reason="BATCH_SIZE",
                metadata={"given": str(given), "limit": str(self.limits.max_batch)},
            )
        if (caller := current_caller()) is not None:
            caller.charge(given - 1)
        engine = self._engine
        checked: list[Request] = []
        place_of: list[int] = []
        errors: dict[int, status_pb2.Status] = {}
        for place, item in enumerate(request.requests):
            try:
                checked.append(to_request(item, engine.catalog, self.limits))
                place_of.append(place)
            except InvalidRequestError as error:
                errors[place] = to_status(error)
        decisions = engine.route_many(checked)
        results: list[pb.RouteBatchResult | None] = [None] * given
        answered: list[tuple[Followed, pb.RouteResponse]] = []
        for place, one, decision in zip(place_of, checked, decisions, strict=True):
            if isinstance(decision, RouterError):
                errors[place] = to_status(decision)
                continue
            followed = self._follow_up.enter(one, decision)
            answer = self._answers.write(followed.decision, one.request_id, one.max_output_tokens)
            try:
                answer = with_plan(engine, request.requests[place], followed.decision, answer)
            except InvalidRequestError as error:
                errors[place] = to_status(error)
                continue
            result = pb.RouteBatchResult(response=answer)
            results[place] = result
            answered.append((followed, result.response))
        self._follow_up.write(answered)
        return pb.RouteBatchResponse(
            results=[
                result if result is not None else pb.RouteBatchResult(error=errors[place])
                for place, result in enumerate(results)
            ]
        )

    def review(self, request: pb.ReviewRequest) -> pb.ReviewResponse:
        """Say what to do with the answers so far."""
        return review(self._engine, request, self.limits)

    def list_tiers(self, _: pb.ListTiersRequest) -> pb.ListTiersResponse:
        """List the catalog in force."""
        return from_catalog(self._engine.catalog, self._engine.artifact.version)

    def record_outcome(self, request: pb.RecordOutcomeRequest) -> pb.RecordOutcomeResponse:
        """Make an outcome durable."""
        return pb.RecordOutcomeResponse(duplicate=self._store.record(self._outcome(request)))

    def record_audit(self, request: pb.RecordAuditRequest) -> pb.RecordAuditResponse:
        """Make the report of an audit durable, and what it means."""
        return self._follow_up.audits.record(request)

    def get_promise(self, _: pb.GetPromiseRequest) -> pb.GetPromiseResponse:
        """Say how the contracts in use are kept."""
        return self._follow_up.audits.describe()

    def _outcome(self, wire: pb.RecordOutcomeRequest) -> RecordedOutcome:
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
        known = {deployment.id for deployment in self._engine.catalog.deployments}
        if wire.deployment and wire.deployment not in known:
            raise InvalidRequestError(
                "deployment",
                f"{wire.deployment!r} given, the catalog has {sorted(known)}",
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
