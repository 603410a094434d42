"""The service as gRPC calls it: translate, hand to the engine, translate back. Nothing else."""

import math
from typing import Any

import grpc
from google.rpc import status_pb2

from router.engine import Engine
from router.errors import InvalidRequestError, RouterError
from router.ledger.store import OutcomeStore, RecordedOutcome
from router.server.answer import from_catalog, from_decision
from router.server.convert import short_id, to_request
from router.server.follow_up import Followed, FollowUp
from router.server.interceptors import to_status
from router.server.limits import Limits
from router.types import Request
from router.v1 import router_pb2 as pb
from router.v1 import router_pb2_grpc


class RouterServicer(router_pb2_grpc.RouterServiceServicer):
    """Serves ``router.v1.RouterService`` from an engine, its follow-up and an outcome store."""

    def __init__(
        self, engine: Engine, store: OutcomeStore, limits: Limits, follow_up: FollowUp
    ) -> None:
        self._engine = engine
        self._store = store
        self._limits = limits
        self._follow_up = follow_up

    def Route(self, request: pb.RouteRequest, context: Any) -> pb.RouteResponse:  # noqa: N802
        """Decide one request."""
        _require_time(context)
        engine = self._engine
        checked = to_request(request, engine.catalog, self._limits)
        followed = self._follow_up.enter(checked, engine.route(checked))
        response = from_decision(followed.decision, checked.request_id)
        if followed.audit is not None:
            self._follow_up.write([(followed, response)])
        return response

    def RouteBatch(  # noqa: N802
        self, request: pb.RouteBatchRequest, context: Any
    ) -> pb.RouteBatchResponse:
        """Decide many requests; errors stand in their place."""
        given = len(request.requests)
        if not 0 < given <= self._limits.max_batch:
            raise InvalidRequestError(
                "requests",
                f"{given} given, must be from 1 to {self._limits.max_batch}; send several batches",
                reason="BATCH_SIZE",
                metadata={"given": str(given), "limit": str(self._limits.max_batch)},
            )
        engine = self._engine
        checked: list[Request] = []
        place_of: list[int] = []
        errors: dict[int, status_pb2.Status] = {}
        for place, item in enumerate(request.requests):
            try:
                checked.append(to_request(item, engine.catalog, self._limits))
                place_of.append(place)
            except InvalidRequestError as error:
                errors[place] = to_status(error)
        _require_time(context)
        decisions = engine.route_many(checked)
        results: list[pb.RouteBatchResult | None] = [None] * given
        answered: list[tuple[Followed, pb.RouteResponse]] = []
        for place, one, decision in zip(place_of, checked, decisions, strict=True):
            if isinstance(decision, RouterError):
                errors[place] = to_status(decision)
            else:
                followed = self._follow_up.enter(one, decision)
                result = pb.RouteBatchResult(
                    response=from_decision(followed.decision, one.request_id)
                )
                results[place] = result
                answered.append((followed, result.response))
        self._follow_up.write(answered)
        return pb.RouteBatchResponse(
            results=[
                result if result is not None else pb.RouteBatchResult(error=errors[place])
                for place, result in enumerate(results)
            ]
        )

    def ListTiers(  # noqa: N802
        self, request: pb.ListTiersRequest, context: Any
    ) -> pb.ListTiersResponse:
        """List the catalog in force."""
        return from_catalog(self._engine.catalog, self._engine.artifact.version)

    def RecordOutcome(  # noqa: N802
        self, request: pb.RecordOutcomeRequest, context: Any
    ) -> pb.RecordOutcomeResponse:
        """Make an outcome durable."""
        return pb.RecordOutcomeResponse(duplicate=self._store.record(self._outcome(request)))

    def RecordAudit(  # noqa: N802
        self, request: pb.RecordAuditRequest, context: Any
    ) -> pb.RecordAuditResponse:
        """Make the report of an audit durable, and what it means."""
        return self._follow_up.audits.record(request)

    def GetPromise(  # noqa: N802
        self, request: pb.GetPromiseRequest, context: Any
    ) -> pb.GetPromiseResponse:
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


def _require_time(context: Any) -> None:
    """End a call whose deadline passed, or whose caller left, before work is spent on it."""
    if not context.is_active():
        context.abort(
            grpc.StatusCode.DEADLINE_EXCEEDED, "the call ended before it was looked at; retry"
        )
