"""Reports of audits and the state of contracts, on the wire and back. The watch is ``audits``."""

from google.protobuf.timestamp_pb2 import Timestamp

from router.errors import InvalidRequestError
from router.ledger.audit_records import Reported, Watched
from router.ledger.audits import AuditStore
from router.server.convert import short_id
from router.server.goal_wire import from_contract
from router.v1 import router_pb2 as pb


def report(store: AuditStore, wire: pb.RecordAuditRequest) -> Reported:
    """Make a report durable, whatever calibration it belongs to.

    Raises:
        InvalidRequestError: a field is missing or out of range.
        AuditUnknownError, AuditConflictError, AuditExpiredError, StoreError: see the store.
    """
    decision_id = short_id("decision_id", wire.decision_id, required=True)
    quality, top_quality = _quality(wire, "quality"), _quality(wire, "top_quality")
    return store.report(decision_id, quality, top_quality)


def from_reported(reported: Reported) -> pb.RecordAuditResponse:
    """Return the wire form of what a report led to."""
    return pb.RecordAuditResponse(
        duplicate=reported.duplicate,
        lost=reported.loss > 0,
        contract=from_watched(reported.watched),
    )


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


def from_watched(one: Watched) -> pb.WatchedContract:
    """Return the wire form of a watched contract."""
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
        started=to_timestamp(one.started_unix),
        suspended_at=None if one.suspended_unix is None else to_timestamp(one.suspended_unix),
    )


def to_timestamp(unix: float) -> Timestamp:
    """Return the wire form of seconds since 1970."""
    return Timestamp(seconds=int(unix), nanos=int(unix % 1 * 1e9))
