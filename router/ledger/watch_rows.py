"""Rows of audits and watches, and the steps that change them inside a transaction of the caller."""

import sqlite3
import time
from typing import Any

from router.ledger.audit_records import (
    AuditConflictError,
    AuditExpiredError,
    AuditUnknownError,
    DrawnAudit,
    Reported,
    Watched,
)
from router.promise.audit import WINDOW, audited_loss, fold, foreseen, settled_prefix
from router.promise.monitor import MonitorPlan, start_monitor
from router.promise.saved import monitor_from_json, monitor_to_json, terms_to_json
from router.types import Contract

MOST_WATCHES = 1000
"""Watches of one calibration; callers may state any contract, and each takes 12 kB a topic."""
WATCHED = (
    "calibration, max_loss_rate, confidence, topic, reviewed, level, started_unix, suspended_unix, "
    "audits, known, lost, evidence, lower_bound"
)


def draw(cursor: sqlite3.Cursor, one: DrawnAudit) -> Watched | None:
    """Insert a draw; None if its contract is suspended or there is no room for its watch."""
    watch = _watch_id(cursor, one)
    if watch is None or _of(cursor, watch).suspended:
        return None
    known = one.tier == one.top_tier
    (position,) = cursor.execute(
        "UPDATE watch SET audits = audits + 1, known = known + ? WHERE id = ? RETURNING audits",
        (known, watch),
    ).fetchone()
    cursor.execute(
        "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?)",
        (
            one.decision_id,
            watch,
            position,
            time.time(),
            one.probability,
            one.artifact_version,
            terms_to_json(one.terms),
            one.tier,
            one.top_tier,
            one.adequate_quality,
            0.0 if known else None,
        ),
    )
    _advance(cursor, watch, look_ahead=False)
    return _of(cursor, watch)


def _watch_id(cursor: sqlite3.Cursor, one: DrawnAudit) -> int | None:
    """Return the watch of a contract, started now if there is none and there is room."""
    key = (
        one.calibration,
        one.contract.max_loss_rate,
        one.contract.confidence,
        one.terms.topic,
        one.contract.reviewed,
    )
    row = cursor.execute(
        "SELECT id FROM watch WHERE calibration = ? AND max_loss_rate = ? AND confidence = ? "
        "AND topic = ? AND reviewed = ?",
        key,
    ).fetchone()
    if row is not None:
        return int(row[0])
    (many,) = cursor.execute("SELECT count(*) FROM watch WHERE calibration = ?", key[:1]).fetchone()
    if many >= MOST_WATCHES:
        return None
    level = one.terms.level
    state = start_monitor(MonitorPlan(one.contract.max_loss_rate, level, one.probability))
    cursor.execute(
        "INSERT INTO watch VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL, 0, 0, 0, 1.0, 0.0, 0, ?)",
        (*key, level, time.time(), monitor_to_json(state)),
    )
    return cursor.lastrowid


def report(
    cursor: sqlite3.Cursor, decision_id: str, quality: float, top_quality: float
) -> Reported:
    """Insert what was reported of a draw; see ``AuditStore.report``."""
    row = cursor.execute(
        "SELECT watch, position, adequate_quality, quality, top_quality, loss, tier = top_tier "
        "FROM audit WHERE decision_id = ?",
        (decision_id,),
    ).fetchone()
    metadata = {"decision_id": decision_id}
    if row is None:
        raise AuditUnknownError(
            f"decision_id {decision_id!r}: no audit was asked for of this decision, or another "
            "store holds it; report only decisions whose answer had 'audit' set, to the server "
            "that made them",
            metadata=metadata,
        )
    watch, position, adequate_quality, known_quality, known_top, known_loss, was_top = row
    if known_loss is not None:
        if was_top or (known_quality, known_top) != (quality, top_quality):
            raise AuditConflictError(
                f"decision_id {decision_id!r}: "
                + (
                    "the top tier answered, which loses nothing and needs no report"
                    if was_top
                    else f"reported before with quality {known_quality} and top_quality "
                    f"{known_top}; an audit is reported once"
                ),
                metadata=metadata,
            )
        return Reported(True, known_loss, _of(cursor, watch))
    (settled,) = cursor.execute("SELECT settled FROM watch WHERE id = ?", (watch,)).fetchone()
    if position <= settled:
        raise AuditExpiredError(
            f"decision_id {decision_id!r}: {WINDOW} audits were drawn since, so this one counts "
            "as kept for good; report audits sooner",
            metadata=metadata,
        )
    loss = audited_loss(quality, top_quality, adequate_quality)
    cursor.execute(
        "UPDATE audit SET quality = ?, top_quality = ?, loss = ? WHERE decision_id = ?",
        (quality, top_quality, loss, decision_id),
    )
    cursor.execute(
        "UPDATE watch SET known = known + 1, lost = lost + ? WHERE id = ?", (loss > 0, watch)
    )
    _advance(cursor, watch, look_ahead=loss > 0)
    return Reported(False, loss, _of(cursor, watch))


def _advance(cursor: sqlite3.Cursor, watch: int, *, look_ahead: bool) -> None:
    """Move a watch over what is settled, and suspend the contract if the evidence says so.

    Looking ahead over audits that are not settled is worth it only after a loss: a report without
    one leaves an open audit at the 0 it stood for.
    """
    text, settled, evidence, lower_bound, suspended_unix = cursor.execute(
        "SELECT state, settled, evidence, lower_bound, suspended_unix FROM watch WHERE id = ?",
        (watch,),
    ).fetchone()
    losses = [
        loss
        for (loss,) in cursor.execute(
            "SELECT loss FROM audit WHERE watch = ? AND position > ? ORDER BY position",
            (watch, settled),
        )
    ]
    prefix = settled_prefix(losses)
    if prefix == 0 and not look_ahead:
        return
    state = fold(monitor_from_json(text, "watch"), losses[:prefix])
    ahead = foreseen(state, losses[prefix:]) if look_ahead else state
    evidence = max(evidence, ahead.greatest_evidence)
    if suspended_unix is None and evidence >= 1 / state.plan.delta:
        suspended_unix = time.time()
    cursor.execute(
        "UPDATE watch SET state = ?, settled = ?, evidence = ?, lower_bound = ?, "
        "suspended_unix = ? WHERE id = ?",
        (
            monitor_to_json(state),
            settled + prefix,
            evidence,
            max(lower_bound, ahead.lower_bound),
            suspended_unix,
            watch,
        ),
    )


def _of(cursor: sqlite3.Cursor, watch: int) -> Watched:
    return watched_of(
        cursor.execute(
            f"SELECT {WATCHED} FROM watch WHERE id = ?",  # noqa: S608 - a constant
            (watch,),
        ).fetchone()
    )


def watched_of(row: tuple[Any, ...]) -> Watched:
    """Return the record of a row of the columns ``WATCHED``."""
    calibration, max_loss_rate, confidence, topic, reviewed, *rest = row
    contract = Contract(max_loss_rate, confidence, per_topic=bool(topic), reviewed=bool(reviewed))
    return Watched(calibration, contract, topic, *rest)
