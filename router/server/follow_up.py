"""What follows a decision before it is answered: exploration, the audit lottery, the decision log.

All of it is off by default and then costs a comparison each. Nothing here waits but
``FollowUp.write``, which only decisions that were drawn for an audit need.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from router.config import Config
from router.engine import Engine
from router.explore import explored
from router.ledger.audit_records import DrawnAudit
from router.ledger.audits import AuditStore
from router.ledger.lines import LineLog
from router.server.audits import Audits
from router.server.decision_line import Logged, decision_line
from router.types import Decision, Request
from router.v1 import router_pb2 as pb


class Followed(NamedTuple):
    """A decision as it is answered, and the audit it was drawn for, not written yet."""

    decision: Decision
    audit: DrawnAudit | None


class FollowUp:
    """Exploration, audits and decision log of one engine.

    Args:
        config: Shares, store and log.
        engine: That decides.
        on_change: Told whether every watched contract stands; may be called from any thread.

    Attributes:
        audits: The watch on contracts.

    Raises:
        StoreError: the store or the log cannot be opened.
    """

    def __init__(self, config: Config, engine: Engine, on_change: Callable[[bool], None]) -> None:
        self._engine = engine
        self._exploration_share = config.exploration_share
        self._tier_names = engine.catalog.tier_names
        self._store = AuditStore(config.store, must_open=False)
        self.audits = Audits(self._store, engine, config.audit_share, on_change)
        self._log: LineLog[Logged] | None = None
        if config.decision_log is not None:
            self._log = LineLog(config.decision_log, self._line)

    def enter(self, request: Request, made: Decision) -> Followed:
        """Explore, log, and draw for an audit; never waits."""
        taken = made
        if self._exploration_share:
            taken = explored(made, self._exploration_share, self._tier_names)
        if self._log is not None:
            self._log.put(Logged(request, made, taken))
        return Followed(taken, self.audits.drawn(taken))

    def write(self, answered: Sequence[tuple[Followed, pb.RouteResponse]]) -> None:
        """Make the audits of decisions durable and ask for them in the responses; may wait."""
        drawn = [
            (followed.audit, followed.decision, response)
            for followed, response in answered
            if followed.audit is not None
        ]
        if drawn:
            self.audits.write(drawn)

    @property
    def dropped(self) -> int:
        """Decisions that did not reach the log."""
        return 0 if self._log is None else self._log.dropped

    def close(self) -> None:
        """Write what waits and close the files."""
        if self._log is not None:
            self._log.close()
        self._store.close()

    def _line(self, logged: Logged) -> str:
        return decision_line(self._engine, self._exploration_share, logged)
