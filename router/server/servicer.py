"""What each method of the service does: translate, hand to the engine, translate back.

How gRPC calls them, and what happens to errors, is ``service``.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from google.rpc import status_pb2

from router.engine import Engine
from router.errors import InvalidRequestError, RouterError
from router.ledger.store import RecordedOutcome
from router.ledger.writer import OutcomeWriter
from router.server.answer import Answers, from_catalog
from router.server.convert import short_id, to_request
from router.server.counted import Counted
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


class Pending(NamedTuple):
    """An answer that follows from something that another thread is doing."""

    future: "Future[Any]"
    answer: Callable[[Any], Any]


class RouterServicer:
    """The methods of ``router.v1.RouterService``, from an engine, its follow-up and a writer.

    Each takes the wire request, gives the wire answer and raises ``RouterError``.
    """

    def __init__(
        self,
        engine: Engine,
        outcomes: OutcomeWriter,
        limits: Limits,
        follow_up: FollowUp,
        counted: Counted | None = None,
    ) -> None:
        self._engine = engine
        artifact = engine.artifact
        self._answers = Answers(engine.catalog, artifact.version, artifact.length_bounds)
        self._outcomes = outcomes
        self._limits = limits
        self._follow_up = follow_up
        self._counted = counted or Counted()

    def route(self, request: pb.RouteRequest) -> pb.RouteResponse | Unfinished:
        """Decide one request."""
        engine, lap = self._engine, self._counted.lap()
        checked = to_request(request, engine.catalog, self._limits)
        lap("translate")
        followed = self._follow_up.enter(checked, engine.route(checked, lap))
        lap("choose")
        decision = followed.decision
        answer = self._answers.write(decision, checked.request_id, checked.max_output_tokens)
        answer = with_plan(engine, request, decision, answer)
        lap("write")
        self._counted.decided(decision)
        if followed.audit is None:
            return answer
        return Unfinished(answer, lambda: self._write([(followed, answer)]))

    def route_batch(self, request: pb.RouteBatchRequest) -> pb.RouteBatchResponse:
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
        self._write(answered)
        self._counted.later(
            self._counted.all_decided, [followed.decision for followed, _ in answered]
        )
        return pb.RouteBatchResponse(
            results=[
                result if result is not None else pb.RouteBatchResult(error=errors[place])
                for place, result in enumerate(results)
            ]
        )

    def _write(self, answered: Sequence[tuple[Followed, pb.RouteResponse]]) -> None:
        self._follow_up.write(answered)
        asked = sum(response.HasField("audit") for _, response in answered)
        if asked:
            self._counted.later(self._counted.audits, "asked", asked)

    def review(self, request: pb.ReviewRequest) -> pb.ReviewResponse:
        """Say what to do with the answers so far."""
        return review(self._engine, request, self._limits)

    def list_tiers(self, _: pb.ListTiersRequest) -> pb.ListTiersResponse:
        """List the catalog in force."""
        return from_catalog(self._engine.catalog, self._engine.artifact.version)

    def record_outcome(self, request: pb.RecordOutcomeRequest) -> Pending:
        """Make an outcome durable."""
        return Pending(self._outcomes.put(self._outcome(request)), self._recorded)

    def _recorded(self, duplicate: bool) -> pb.RecordOutcomeResponse:
        self._counted.recorded(duplicate)
        return pb.RecordOutcomeResponse(duplicate=duplicate)

    def record_audit(self, request: pb.RecordAuditRequest) -> pb.RecordAuditResponse:
        """Make the report of an audit durable, and what it means."""
        answer = self._follow_up.audits.record(request)
        if not answer.duplicate:
            self._counted.later(self._counted.audits, "reported")
            if answer.lost:
                self._counted.later(self._counted.audits, "lost")
        return answer

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
