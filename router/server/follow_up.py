"""What follows a decision before it is answered: exploration, the audit lottery, the decision log.

All of it is off by default and then costs a comparison each. Nothing here waits but
``FollowUp.write``, which only decisions that were drawn for an audit need.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple
from weakref import WeakValueDictionary

from router.config import Config
from router.errors import StoreError
from router.explore import explored
from router.ledger.audit_records import DrawnAudit
from router.ledger.audits import AuditStore
from router.ledger.lines import LineLog
from router.predict.artifact import Artifact
from router.promise.audit import calibration_id
from router.server.arm import Arm
from router.server.audit_wire import from_reported, report
from router.server.audits import Audits, Missed
from router.server.decision_line import Logged, decision_line
from router.types import Decision, Request
from router.v1 import router_pb2 as pb


class Followed(NamedTuple):
    """A decision as it is answered, and the audit it was drawn for, not written yet."""

    decision: Decision
    audit: DrawnAudit | None
    arm: Arm


class FollowUp:
    """Exploration, audits and decision log, whichever arm decides.

    Args:
        config: Shares, store and log.
        on_change: Told when the contracts of some calibration were looked up; may be called from
            any thread.

    Attributes:
        missed: Audits that could not be written and were not asked for.

    Raises:
        StoreError: the store or the log cannot be opened.
    """

    def __init__(self, config: Config, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._audit_share = config.audit_share
        self._exploration_share = config.exploration_share
        self._store = AuditStore(config.store, must_open=False)
        self._lock = threading.Lock()
        # One watch for each calibration that an arm still has, so that arms of one calibration
        # share what was found broken.
        self._audits: WeakValueDictionary[str, Audits] = WeakValueDictionary()
        self.missed = Missed()
        self._log: LineLog[tuple[Arm, Logged]] | None = None
        if config.decision_log is not None:
            self._log = LineLog(config.decision_log, self._line)

    def audits_of(self, artifact: Artifact) -> Audits:
        """Return the watch on the contracts of an artifact's calibration; may wait."""
        calibrated = artifact.promise is not None
        calibration = calibration_id(artifact.manifest.extra) if calibrated else ""
        with self._lock:
            audits = self._audits.get(calibration)
            if audits is None:
                audits = Audits(
                    self._store, calibration, self._audit_share, self.missed, self._on_change
                )
                self._audits[calibration] = audits
            return audits

    def look_again(self) -> None:
        """Take over what other processes found broken, if the store was written to; may wait."""
        with self._lock:
            watches = list(self._audits.values())
        try:
            changed = self._store.changed()
        except StoreError as error:
            for audits in watches:
                audits.forget(error)
            return
        for audits in watches:
            audits.look_again(changed=changed)

    def enter(self, arm: Arm, request: Request, made: Decision) -> Followed:
        """Explore, log, and draw for an audit what an arm decided; never waits."""
        catalog, pools = arm.engine.catalog, arm.engine.pools
        taken = made
        if self._exploration_share:
            taken = explored(made, self._exploration_share, catalog.tier_names)
            if pools is not None and taken is not made:
                pools.took_instead(made.chosen, taken.chosen)
        if self._log is not None:
            self._log.put((arm, Logged(request, made, taken, time.time())))
        return Followed(taken, arm.audits.drawn(taken, catalog), arm)

    def write(self, answered: Sequence[tuple[Followed, pb.RouteResponse]]) -> None:
        """Make the audits of decisions durable and ask for them in the responses; may wait."""
        drawn: dict[Audits, list[tuple[DrawnAudit, Decision, pb.RouteResponse]]] = {}
        for followed, response in answered:
            if followed.audit is not None:
                ours = drawn.setdefault(followed.arm.audits, [])
                ours.append((followed.audit, followed.decision, response))
        for audits, some in drawn.items():
            audits.write(some)

    def record(self, wire: pb.RecordAuditRequest) -> pb.RecordAuditResponse:
        """Make a report durable; when it breaks a contract of a calibration in use, suspend it.

        Raises:
            InvalidRequestError, AuditUnknownError, AuditConflictError, AuditExpiredError,
            StoreError: see ``router.server.audit_wire.report``.
        """
        reported = report(self._store, wire)
        with self._lock:
            audits = self._audits.get(reported.watched.calibration)
        if audits is not None:
            audits.learn(reported.watched)
        return from_reported(reported)

    @property
    def dropped(self) -> int:
        """Decisions that did not reach the log."""
        return 0 if self._log is None else self._log.dropped

    def close(self) -> None:
        """Write what waits and close the files."""
        if self._log is not None:
            self._log.close()
        self._store.close()

    def _line(self, entry: tuple[Arm, Logged]) -> str:
        arm, logged = entry
        return decision_line(arm.engine, self._exploration_share, logged)
