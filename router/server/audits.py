"""Contracts in use: who is drawn for an audit, what reports lead to, how the promise stands.

Drawing is a comparison; what blocks (``write``, ``look``, ``describe``) touches the store and may
run on any thread. A suspended contract belongs to a calibration: engines that share one share its
suspensions, and a recalibrated artifact starts with none. Rows and transactions are
``router.ledger.audits``, the test itself is ``router.promise.monitor``.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from router.catalog import Catalog
from router.chance import audit_chance
from router.errors import StoreError
from router.ledger.audit_records import DrawnAudit, Watched
from router.ledger.audits import AuditStore
from router.promise.suspended import Suspensions
from router.server.audit_wire import from_watched
from router.types import Decision, DecisionReason, Estimate
from router.v1 import router_pb2 as pb

_COVERED = frozenset({DecisionReason.CONTRACT_KEPT, DecisionReason.EXPLORED})

logger = logging.getLogger("router.server")


class Audits:
    """The watch on every contract of one calibration, whatever engines it serves.

    Args:
        store: Where draws, reports and watches are kept; the caller closes it.
        calibration: Its identity; "" where nothing is calibrated, and so nothing drawn.
        share: Probability with which a request under a contract is drawn, in [0, 1].
        missed: Counts the audits that could not be written.
        on_change: Told when contracts were looked up, as at the start and when one falls; may be
            called from any thread.

    Attributes:
        suspensions: Contracts found broken, for the engines of this calibration.

    While the store cannot be read, what is suspended is not known: decisions go on as before, and
    ``on_change`` is told that not every contract stands.
    """

    def __init__(
        self,
        store: AuditStore,
        calibration: str,
        share: float,
        missed: "Missed",
        on_change: Callable[[], None],
    ) -> None:
        self._store = store
        self._share = share
        self._on_change = on_change
        self._looking = threading.Lock()
        self._missed = missed
        self._calibration = calibration
        self._is_known = False
        self.suspensions = Suspensions()
        self.look_again(changed=True)

    @property
    def stands(self) -> bool:
        """Whether every watched contract is known to stand."""
        return self._is_known and not self.suspensions

    def look_again(self, *, changed: bool) -> None:
        """Take over what other processes found, if the store was written to; may wait.

        Called now and then, off the path.

        Args:
            changed: Whether it was.
        """
        if self._is_known and not (changed and self._calibration):
            return
        try:
            self.look()
        except StoreError as error:
            self.forget(error)

    def forget(self, error: StoreError) -> None:
        """Take note that the store cannot be read, so that what is suspended is not known."""
        if self._is_known:
            logger.error("suspended contracts are not known for now: %s", error.message)
        self._is_known = False
        self._on_change()

    def drawn(self, decision: Decision, catalog: Catalog) -> DrawnAudit | None:
        """Return the audit of a decision that a contract covers and that wins the lottery.

        A request for which the top tier is not eligible takes no part: nothing could be compared.

        Args:
            decision: By an engine of this calibration.
            catalog: The engine's.
        """
        terms = decision.contract_terms
        if terms is None or audit_chance(decision.decision_id) >= self._share:
            return None
        top_tier = catalog.tier_names[-1]
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
            adequate_quality=catalog.adequate_quality,
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
            self._missed.add(len(drawn))
            return
        for (audit, decision, response), watch in zip(drawn, watches, strict=True):
            top = _top(decision, audit.top_tier)
            if watch is not None and top is not None and audit.tier != audit.top_tier:
                response.audit.deployment = top.deployment.id
                response.audit.tier = audit.top_tier
                response.audit.probability = audit.probability
        if None in watches:  # too many contracts, or another process found one broken
            self._missed.add(watches.count(None))
            try:
                self.look()
            except StoreError as error:  # the decisions stand; the next draw looks again
                logger.warning("suspended contracts were not looked up: %s", error.message)

    def learn(self, watched: Watched) -> None:
        """Take in what a report made of a contract of this calibration; may wait.

        Raises:
            StoreError: the store cannot be read.
        """
        if watched.suspended and watched.promise not in self.suspensions:
            self.look()

    def describe(self) -> pb.GetPromiseResponse:
        """Say how every contract of this calibration stands.

        Raises:
            StoreError: the store cannot be read.
        """
        return pb.GetPromiseResponse(
            audit_share=self._share,
            calibration=self._calibration,
            contracts=[from_watched(one) for one in self._store.watched(self._calibration)],
            missed_audit_count=self._missed.count,
        )

    def look(self) -> None:
        """Suspend what the store says is broken, and tell of it; may wait.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._looking:  # what was read last must be set last
            broken = [one for one in self._store.watched(self._calibration) if one.suspended]
            for one in broken:
                if one.promise not in self.suspensions:
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
            self.suspensions.add(one.promise for one in broken)
            self._is_known = True
        self._on_change()


class Missed:
    """A count that several threads add to.

    Attributes:
        count: So far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Count some more."""
        with self._lock:
            self.count += count


def _top(decision: Decision, top_tier: str) -> Estimate | None:
    """Return the cheapest eligible candidate of the top tier."""
    candidates = [
        one for one in decision.estimates if one.deployment.tier == top_tier and not one.ineligible
    ]
    return min(candidates, key=lambda one: one.expected_cost_usd, default=None)
