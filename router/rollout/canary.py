"""A canary: which sessions a second artifact answers, and what each of the two decided.

A session falls to the canary by a hash of its name and of the canary's version: always to the same
arm, on every process and after a restart, and with another canary other sessions come first. When
the share grows, the sessions that were with the canary stay with it.
"""

import hashlib
import os
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from router.rollout.tally import Interval, Mean
from router.types import Decision

_WHOLE = 1 << 64


@dataclass(frozen=True, slots=True)
class Counted:
    """What one arm decided since the canary began.

    Attributes:
        decisions: How many.
        tiers: Of them, by tier.
        expected_cost_usd: Mean, as the arm's own artifact predicts.
        adequacy: Mean of the choices, as the arm's own artifact predicts.
    """

    decisions: int
    tiers: Mapping[str, int]
    expected_cost_usd: Interval
    adequacy: Interval


class Canary:
    """The lot of a canary and the counts of both arms.

    Args:
        version: Of the canary's artifact.
        share: Share of sessions it answers, in (0, 1].
    """

    def __init__(self, version: str, share: float) -> None:
        self.version = version
        self.share = share
        self._salt = f"canary {version} ".encode()
        self._lock = threading.Lock()
        self._arms = {False: _Count(), True: _Count()}

    def takes(self, session: str) -> bool:
        """Tell whether a session falls to the canary; the empty one falls by chance each time."""
        data = os.urandom(8) if not session else _hash(self._salt + session.encode())
        return int.from_bytes(data, "big") < self.share * _WHOLE

    def count(self, decision: Decision, *, by_canary: bool) -> None:
        """Count a decision of one of the arms."""
        with self._lock:
            self._arms[by_canary].add(decision)

    def counted(self, *, by_canary: bool) -> Counted:
        """Return what one of the arms decided so far."""
        with self._lock:
            arm = self._arms[by_canary]
            return Counted(
                arm.cost.n, dict(arm.tiers), arm.cost.interval(), arm.adequacy.interval()
            )


class _Count:
    """Counts of one arm."""

    __slots__ = ("adequacy", "cost", "tiers")

    def __init__(self) -> None:
        self.tiers: Counter[str] = Counter()
        self.cost = Mean()
        self.adequacy = Mean()

    def add(self, decision: Decision) -> None:
        chosen = decision.chosen
        self.tiers[chosen.deployment.tier] += 1
        self.cost.add(chosen.expected_cost_usd)
        self.adequacy.add(chosen.adequacy)


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).digest()
