"""What a server counts of its calls and decisions.

All counting happens on the loop's thread, so that it takes no lock; other threads hand over with
``later``. The names are ``router.metrics.families``.
"""

import platform
import time
from collections.abc import Callable, Sequence
from typing import Any

import grpc

from router import __version__
from router.compiled import IMPLEMENTATION
from router.errors import OverloadedError, RouterError
from router.laps import Lap, no_lap
from router.metrics import families
from router.metrics.process import process_snapshot
from router.metrics.registry import Cell, Registry, Snapshot
from router.server.arm import Arm
from router.server.loop import shared_loop
from router.server.pool_metrics import PoolMetrics
from router.types import Decision, IneligibleReason

TIMED_ONE_IN = 16
STAGES = ("translate", "read", "tokenize", "predict", "price", "choose", "write")


_BEFORE_ANYTHING_HAPPENS = {
    families.SHEDS: (
        "grpc_queue", "concurrent_calls", "threads_queue", "outcomes_queue", "deadline",
    ),
    families.AUDITS: ("asked", "missed", "reported", "lost"),
}  # fmt: skip
"""Counters that are told as 0 from the start, so that their first increase is seen as one."""


class Counted:
    """Counters of one server.

    Attributes:
        registry: For counters that others keep.
        pools: What was told of pools so far.
    """

    def __init__(self) -> None:
        self.registry = registry = Registry()
        self.pools = PoolMetrics()
        self._started_unix = time.time()
        self._decisions: dict[tuple[str, int, str], tuple[Cell, Cell]] = {}
        self._ineligible = {
            reason: registry.cell(families.INELIGIBLE, reason.name) for reason in IneligibleReason
        }
        self._novelty = registry.histogram(families.NOVELTY)
        self._saving = registry.cell(families.SAVING)
        self._stages = {
            stage: registry.histogram(families.STAGE_SECONDS, stage) for stage in STAGES
        }
        self._until_timed = 1
        self._outcomes = {
            duplicate: registry.cell(families.OUTCOMES, str(duplicate).lower())
            for duplicate in (False, True)
        }
        for family, values in _BEFORE_ANYTHING_HAPPENS.items():
            for value in values:
                registry.cell(family, value)
        self.in_flight = registry.cell(families.IN_FLIGHT)
        self.ready = registry.cell(families.READY)
        registry.cell(
            families.BUILD,
            __version__,
            platform.python_version(),
            grpc.__version__,
            IMPLEMENTATION,
        ).value = 1

    def decided(self, decision: Decision) -> None:
        """Count a decision that is answered."""
        chosen = decision.chosen
        key = (chosen.deployment.tier, decision.reason, decision.artifact_version)
        cells = self._decisions.get(key)
        if cells is None:
            tier, _, version = key
            cells = self._decisions[key] = (
                self.registry.cell(families.DECISIONS, tier, decision.reason.name, version),
                self.registry.cell(families.EXPECTED_COST, tier),
            )
        count, cost = cells
        count.value += 1
        cost.value += chosen.expected_cost_usd
        self._saving.value += decision.dearest.expected_cost_usd - chosen.expected_cost_usd
        if decision.novelty is not None:
            self._novelty.add(decision.novelty)
        for estimate in decision.estimates:
            if estimate.ineligible:
                for reason in estimate.ineligible:
                    self._ineligible[reason].value += 1

    def all_decided(self, decisions: list[Decision]) -> None:
        """Count many decisions that are answered."""
        for decision in decisions:
            self.decided(decision)

    def lap(self) -> Lap:
        """Return what times the stages of the next call, which for most is nothing."""
        self._until_timed -= 1
        if self._until_timed:
            return no_lap
        self._until_timed = TIMED_ONE_IN
        return self._stopwatch()

    def _stopwatch(self) -> Lap:
        stages, before = self._stages, time.perf_counter()

        def lap(stage: str) -> None:
            nonlocal before
            now = time.perf_counter()
            stages[stage].add(now - before)
            before = now

        return lap

    def recorded(self, duplicate: bool) -> None:
        """Count an outcome that is acknowledged."""
        self._outcomes[duplicate].value += 1

    def audits(self, event: str, count: int = 1) -> None:
        """Count audits that were asked for, missed, reported or lost."""
        self.registry.cell(families.AUDITS, event).value += count

    def serving(self, arms: Sequence[Arm]) -> None:
        """Say which artifacts and which catalog serve from now on."""
        self.registry.clear(families.ARTIFACT)
        self.registry.clear(families.CATALOG)
        for arm in arms:
            artifact_version, catalog_version = arm.versions
            self.registry.cell(families.ARTIFACT, artifact_version).value = 1
            self.registry.cell(families.CATALOG, catalog_version).value = 1

    def later(self, count: Callable[..., None], *what: Any) -> None:
        """Count from another thread than the loop's."""
        shared_loop().call_soon_threadsafe(count, *what)

    def snapshot(self) -> Snapshot:
        """Return all numbers, those of the process among them."""
        return self.registry.snapshot() | process_snapshot(self._started_unix)


class MethodCounts:
    """How the calls of one method ended and how long they took."""

    __slots__ = ("_codes", "_method", "_ok", "_registry", "_seconds")

    def __init__(self, counted: Counted, method: str) -> None:
        self._registry = counted.registry
        self._method = method
        self._codes: dict[str, Cell] = {}
        self._seconds = self._registry.histogram(families.CALL_SECONDS, method)
        self._ok = self._of("OK")

    def ended(self, seconds: float) -> None:
        """Count a call that was answered."""
        self._ok.value += 1
        self._seconds.add(seconds)

    def failed(self, code: str, reason: str, seconds: float) -> None:
        """Count a call that was not.

        Args:
            code: Name of its gRPC status.
            reason: Of its ErrorInfo, or why it ended.
            seconds: How long it took.
        """
        self._of(code).value += 1
        self._registry.cell(families.ERRORS, code, reason).value += 1
        self._seconds.add(seconds)

    def refused(self, error: Exception, seconds: float) -> None:
        """Count a call by the error it ends with; one nobody foresaw is INTERNAL."""
        if not isinstance(error, RouterError):
            self.failed("INTERNAL", "INTERNAL", seconds)
            return
        self.failed(error.code, error.reason, seconds)
        if isinstance(error, OverloadedError):
            self._registry.cell(families.SHEDS, error.cause).value += 1

    def _of(self, code: str) -> Cell:
        if code not in self._codes:
            self._codes[code] = self._registry.cell(families.CALLS, self._method, code)
        return self._codes[code]
