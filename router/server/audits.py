"""Contracts in use: who is drawn for an audit, what reports lead to, how the promise stands.

Drawing is a comparison; what blocks (``write``, ``record``, ``describe``) touches the store and may
run on any thread. Rows and transactions are ``router.ledger.audits``, the test itself is
``router.promise.monitor``.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from router.chance import audit_chance
from router.engine import Engine
from router.errors import InvalidRequestError, StoreError
from router.ledger.audit_records import DrawnAudit, Watched
from router.ledger.audits import AuditStore
from router.promise.audit import calibration_id
from router.server.answer import from_contract
from router.server.convert import short_id
from router.types import Decision, DecisionReason, Estimate
from router.v1 import router_pb2 as pb

_COVERED = frozenset({DecisionReason.CONTRACT_KEPT, DecisionReason.EXPLORED})

logger = logging.getLogger("router.server")


class Audits:
    """The watch on every contract of one engine.

    Args:
        store: Where draws, reports and watches are kept; the caller closes it.
        engine: Decides; its suspensions are set here.
        share: Probability with which a request under a contract is drawn, in [0, 1].
        on_change: Told whether every watched contract stands, at the start and when one falls; may
            be called from any thread.

    Raises:
        StoreError: the store cannot be read.
    """

    def __init__(
        self, store: AuditStore, engine: Engine, share: float, on_change: Callable[[bool], None]
    ) -> None:
        self._store = store
        self._engine = engine
        self._share = share
        self._on_change = on_change
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._missed = 0
        calibrated = engine.artifact.promise is not None
        self._calibration = calibration_id(engine.artifact.manifest.extra) if calibrated else ""
        self._look()

    def drawn(self, decision: Decision) -> DrawnAudit | None:
        """Return the audit of a decision that a contract covers and that wins the lottery.

        A request for which the top tier is not eligible takes no part: nothing could be compared.
        """
        terms = decision.contract_terms
        if terms is None or audit_chance(decision.decision_id) >= self._share:
            return None
        top_tier = self._engine.catalog.tier_names[-1]
        contract = decision.goal.contract
        if contract is None or decision.reason not in _COVERED or _top(decision, top_tier) is None:
            return None
        return DrawnAudit(
            decision_id=decision.decision_id,
            calibration=self._calibration,
            contract=contract,
            terms=terms,
            # Whose answer a review ends with is not known yet, so such an audit is always reported.
            tier=""
            if terms.willingness_to_pay_usd is not None
            else decision.chosen.deployment.tier,
            top_tier=top_tier,
            probability=self._share,
            artifact_version=decision.artifact_version,
            adequate_quality=self._engine.catalog.adequate_quality,
        )

    def write(self, drawn: Sequence[tuple[DrawnAudit, Decision, pb.RouteResponse]]) -> None:
        """Make draws durable and ask for the second answers in the responses.

        An audit that cannot be written is not asked for, and counted: a decision is not withheld
        for it, and it was lost without regard to its answer. Blocks for one commit.
        """
        try:
            watches = self._store.draw([audit for audit, _, _ in drawn])
        except StoreError as error:
            logger.warning("%d audits were not asked for: %s", len(drawn), error.message)
            self._miss(len(drawn))
            return
        for (audit, decision, response), watch in zip(drawn, watches, strict=True):
            top = _top(decision, audit.top_tier)
            if watch is not None and top is not None and audit.tier != audit.top_tier:
                response.audit.deployment = top.deployment.id
                response.audit.tier = audit.top_tier
                response.audit.probability = audit.probability
        if None in watches:  # too many contracts, or another process found one broken
            self._miss(watches.count(None))
            try:
                self._look()
            except StoreError as error:  # the decisions stand; the next draw looks again
                logger.warning("suspended contracts were not looked up: %s", error.message)

    def record(self, wire: pb.RecordAuditRequest) -> pb.RecordAuditResponse:
        """Make a report durable; when it breaks a contract, suspend it.

        Raises:
            InvalidRequestError: a field is missing or out of range.
            AuditUnknownError, AuditConflictError, AuditExpiredError, StoreError: see the store.
        """
        decision_id = short_id("decision_id", wire.decision_id, required=True)
        quality, top_quality = _quality(wire, "quality"), _quality(wire, "top_quality")
        reported = self._store.report(decision_id, quality, top_quality)
        watch = reported.watched
        ours = watch.calibration == self._calibration
        if watch.suspended and ours and watch.promise not in self._engine.suspensions:
            self._look()
        return pb.RecordAuditResponse(
            duplicate=reported.duplicate, lost=reported.loss > 0, contract=_from_watched(watch)
        )

    def describe(self) -> pb.GetPromiseResponse:
        """Say how every contract of this calibration stands.

        Raises:
            StoreError: the store cannot be read.
        """
        return pb.GetPromiseResponse(
            audit_share=self._share,
            calibration=self._calibration,
            contracts=[_from_watched(one) for one in self._store.watched(self._calibration)],
            missed_audit_count=self._missed,
        )

    def _look(self) -> None:
        """Suspend what the store says is broken, and tell of it."""
        with self._looking:  # what was read last must be set last
            broken = [one for one in self._store.watched(self._calibration) if one.suspended]
            for one in broken:
                if one.promise not in self._engine.suspensions:
                    logger.error(
                        "contract broken: max_loss_rate %g at confidence %g%s, %d of %d known "
                        "audits lost, evidence %.3g; only the top tier is permitted until the "
                        "artifact is calibrated again (make calibrate)",
                        one.contract.max_loss_rate,
                        one.contract.confidence,
                        f" in topic {one.topic}" if one.topic else "",
                        one.lost,
                        one.known,
                        one.evidence,
                    )
            self._engine.suspensions.replace(one.promise for one in broken)
            self._on_change(not broken)

    def _miss(self, count: int) -> None:
        with self._lock:
            self._missed += count


def _top(decision: Decision, top_tier: str) -> Estimate | None:
    """Return the cheapest eligible candidate of the top tier."""
    candidates = [
        one for one in decision.estimates if one.deployment.tier == top_tier and not one.ineligible
    ]
    return min(candidates, key=lambda one: one.expected_cost_usd, default=None)


def _quality(wire: pb.RecordAuditRequest, field: str) -> float:
    if not wire.HasField(field):  # type: ignore[arg-type]  # one of two literals
        raise InvalidRequestError(
            field, "not given; an audit needs both qualities", reason="QUALITY_MISSING"
        )
    value = float(getattr(wire, field))
    if not 0.0 <= value <= 1.0:
        raise InvalidRequestError(
            field,
            f"{value} given, must be from 0 to 1",
            reason="QUALITY_OUT_OF_RANGE",
            metadata={"given": str(value)},
        )
    return value


def _from_watched(one: Watched) -> pb.WatchedContract:
    return pb.WatchedContract(
        contract=from_contract(one.contract),
        topic=one.topic,
        suspended=one.suspended,
        audit_count=one.audits,
        known_audit_count=one.known,
        lost_audit_count=one.lost,
        evidence=one.evidence,
        evidence_limit=1.0 / one.level,
        loss_rate_lower_bound=one.lower_bound,
        started=_timestamp(one.started_unix),
        suspended_at=None if one.suspended_unix is None else _timestamp(one.suspended_unix),
    )


def _timestamp(unix: float) -> Timestamp:
    return Timestamp(seconds=int(unix), nanos=int(unix % 1 * 1e9))
