"""What each method of the service does: translate, hand to the engine, translate back.

Decisions go back as the bytes they are written in. How gRPC calls the methods, and what happens to
errors, is ``service``.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from router.errors import InvalidRequestError, RouterError
from router.ledger.writer import OutcomeWriter
from router.server.arm import Arm, InForce, Switch
from router.server.cache_advice import went_on
from router.server.convert import to_request
from router.server.cost_split import with_cost_split
from router.server.counted import Counted
from router.server.deadline import is_asked_later, with_schedule
from router.server.follow_up import Followed, FollowUp
from router.server.learning import Learning
from router.server.limits import Limits
from router.server.listed import from_catalog
from router.server.outcome_wire import to_outcome
from router.server.results import failed_in_bytes, result_in_bytes, results_in_bytes
from router.server.review import review, with_plan
from router.server.token_report import TokenReport, to_token_report
from router.server.wanted import check_wanted
from router.types import Decision, Request
from router.v1 import router_pb2 as pb

MOST_IN_PASS = 128
"""Requests of a batch decided in one pass; between passes a caller who has left is noticed."""


class Unfinished(NamedTuple):
    """An answer that something which waits must be done for first; it gives the answer."""

    finish: Callable[[], bytes]


class Pending(NamedTuple):
    """An answer that follows from something that another thread is doing."""

    future: "Future[Any]"
    answer: Callable[[Any], Any]


class RouterServicer:
    """The methods of ``router.v1.RouterService``: from who is in force, the follow-up and a writer.

    Each takes the wire request, gives the wire answer and raises ``RouterError``. Each looks once
    at who is in force, so that one call is answered by one engine.
    """

    def __init__(
        self,
        switch: Switch,
        outcomes: OutcomeWriter,
        limits: Limits,
        follow_up: FollowUp,
        learning: Learning,
        counted: Counted | None = None,
    ) -> None:
        self._switch = switch
        self._outcomes = outcomes
        self.limits = limits
        self._follow_up = follow_up
        self._learning = learning
        self._counted = counted or Counted()

    def route(self, request: pb.RouteRequest) -> bytes | Unfinished:
        """Decide one request; return a ``RouteResponse`` in bytes."""
        now, lap = self._switch.now, self._counted.lap()
        arm = now.main if now.canary is None else now.arm_for(_session(request))
        checked = to_request(request, arm.engine.catalog, self.limits)
        lap("translate")
        made = arm.engine.route(checked, lap)
        followed = self._follow_up.enter(arm, checked, made)
        lap("choose")
        answer = _answer(arm, request, checked, followed.decision)
        lap("write")
        self._counted.decided(followed.decision)
        now.tell(arm, checked, made)
        if followed.audit is None:
            return answer
        return Unfinished(lambda: self._audited([(followed, answer)])[0])

    def route_batch(self, request: pb.RouteBatchRequest) -> bytes:
        """Decide many requests; return a ``RouteBatchResponse`` in bytes.

        Raises:
            NobodyWaitsError: the caller has left; nothing of it is written or counted.
        """
        given = len(request.requests)
        if not 0 < given <= self.limits.max_batch:
            raise InvalidRequestError(
                "requests",
                f"{given} given, must be from 1 to {self.limits.max_batch}; send several batches",
                reason="BATCH_SIZE",
                metadata={"given": str(given), "limit": str(self.limits.max_batch)},
            )
        return results_in_bytes(self.decide_all(request.requests))

    def decide_all(self, requests: Sequence[pb.RouteRequest]) -> list[bytes]:
        """Decide requests together; return a ``RouteBatchResult`` in bytes for each.

        Errors stand in their place.

        Raises:
            NobodyWaitsError: as ``route_batch``.
        """
        now = self._switch.now
        places_of: dict[Arm, list[int]] = {}
        items = list(requests)
        for place, item in enumerate(items):
            arm = now.main if now.canary is None else now.arm_for(_session(item))
            places_of.setdefault(arm, []).append(place)
        results = [b""] * len(items)
        answered: dict[int, tuple[Followed, bytes]] = {}
        for arm, places in places_of.items():
            for first in range(0, len(places), MOST_IN_PASS):
                check_wanted()
                some = places[first : first + MOST_IN_PASS]
                answered |= self._decide(now, arm, items, some, results)
        check_wanted()
        for place, answer in zip(answered, self._audited(list(answered.values())), strict=True):
            results[place] = result_in_bytes(answer)
        self._counted.later(
            self._counted.all_decided, [followed.decision for followed, _ in answered.values()]
        )
        return results

    def _decide(
        self,
        now: InForce,
        arm: Arm,
        items: Sequence[pb.RouteRequest],
        places: Sequence[int],
        results: list[bytes],
    ) -> Iterator[tuple[int, tuple[Followed, bytes]]]:
        """Decide requests of a batch that fall to one arm, in one pass of its predictor.

        Errors are put into ``results``; what is decided is given with its place.
        """
        checked: list[Request] = []
        place_of: list[int] = []
        for place in places:
            try:
                checked.append(to_request(items[place], arm.engine.catalog, self.limits))
                place_of.append(place)
            except InvalidRequestError as error:
                results[place] = failed_in_bytes(error)
        decisions = arm.engine.route_many(checked)
        for place, one, made in zip(place_of, checked, decisions, strict=True):
            if isinstance(made, RouterError):
                results[place] = failed_in_bytes(made)
                continue
            followed = self._follow_up.enter(arm, one, made)
            answer = _answer(arm, items[place], one, followed.decision)
            now.tell(arm, one, made)
            yield place, (followed, answer)

    def _audited(self, answered: Sequence[tuple[Followed, bytes]]) -> list[bytes]:
        """Make the audits of decisions durable; return the answers, asking for those audits."""
        answers = [answer for _, answer in answered]
        drawn = {
            place: (followed, pb.RouteResponse.FromString(answer))
            for place, (followed, answer) in enumerate(answered)
            if followed.audit is not None
        }
        if not drawn:
            return answers
        self._follow_up.write(list(drawn.values()))
        asked = 0
        for place, (_, message) in drawn.items():
            asked += message.HasField("audit")
            answers[place] = message.SerializeToString()
        if asked:
            self._counted.later(self._counted.audits, "asked", asked)
        return answers

    def review(self, request: pb.ReviewRequest) -> pb.ReviewResponse:
        """Say what to do with the answers so far."""
        now = self._switch.now
        if request.HasField("decision"):
            made = request.decision
            arm = now.arm_of(made.artifact_version, made.catalog_version)
        else:
            arm = now.arm_for(_session(request.request))
        return review(arm.engine, request, self.limits)

    def list_tiers(self, _: pb.ListTiersRequest) -> pb.ListTiersResponse:
        """List the catalog in force."""
        engine = self._switch.now.main.engine
        return from_catalog(engine.catalog, engine.artifact.version, datetime.now(UTC).date())

    def record_outcome(self, request: pb.RecordOutcomeRequest) -> Pending:
        """Make an outcome durable, and learn from it how its deployment counts tokens."""
        now = self._switch.now
        outcome = to_outcome(request, now)
        reported = to_token_report(request, now.main.engine.catalog)
        return Pending(self._outcomes.put(outcome), partial(self._recorded, reported))

    def _recorded(self, reported: TokenReport | None, duplicate: bool) -> pb.RecordOutcomeResponse:
        if reported is not None and not duplicate:
            self._learning.learn(reported)
        self._counted.recorded(duplicate)
        return pb.RecordOutcomeResponse(duplicate=duplicate)

    def record_audit(self, request: pb.RecordAuditRequest) -> pb.RecordAuditResponse:
        """Make the report of an audit durable, and what it means."""
        answer = self._follow_up.record(request)
        if not answer.duplicate:
            self._counted.later(self._counted.audits, "reported")
            if answer.lost:
                self._counted.later(self._counted.audits, "lost")
        return answer

    def get_promise(self, _: pb.GetPromiseRequest) -> pb.GetPromiseResponse:
        """Say how the contracts in use are kept."""
        return self._switch.now.main.audits.describe()


def _answer(arm: Arm, wire: pb.RouteRequest, request: Request, decision: Decision) -> bytes:
    """Return the wire form of a decision in bytes, with what the request asks for beside it.

    Where the session goes on is noted, so that its next turn finds the cache warm. Nothing is
    refused any more: the decision is logged and counted.
    """
    engine = arm.engine
    advice = None
    if engine.caches is not None and request.session_id and not is_asked_later(decision):
        advice = went_on(engine.caches, wire, decision.chosen)
    written = arm.answers.written(decision, request.request_id, request.max_output_tokens)
    if not (wire.explain_cost or wire.HasField("plan") or advice or decision.schedule):
        return written
    answer = pb.RouteResponse.FromString(written)
    if advice is not None:
        answer.cache_advice.CopyFrom(advice)
    answer = with_plan(engine, wire, decision, answer)
    answer = with_cost_split(wire, decision, answer, engine.artifact)
    return with_schedule(decision, answer).SerializeToString()


def _session(wire: pb.RouteRequest) -> str:
    """Return what decides which arm answers: the session, or else the request by its id."""
    return wire.session_id or wire.request_id
