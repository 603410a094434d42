"""What was tried to change what is in force, and what came of it."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Trigger = Literal["admin", "signal", "files", "choice"]


class Action(IntEnum):
    """What was tried. Values equal the wire enum's."""

    RELOAD = 1
    ROLLBACK = 2
    SET_CANARY = 3
    SET_SHADOW = 4


class Outcome(IntEnum):
    """What came of it. Values equal the wire enum's."""

    CHANGED = 1
    UNCHANGED = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt.

    Attributes:
        action: What was tried.
        outcome: What came of it.
        trigger: Who asked.
        began_unix: When, in seconds since 1970.
        seconds: How long it took.
        reason: Of a refusal, as in the error; else empty.
        message: Of a refusal, or what happened on the way; may be empty.
    """

    action: Action
    outcome: Outcome
    trigger: Trigger
    began_unix: float
    seconds: float
    reason: str = ""
    message: str = ""


class Attempts:
    """The latest attempt and counts of all; may be read while another thread notes one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[Action, Outcome]] = Counter()
        self._last: Attempt | None = None

    def note(self, attempt: Attempt) -> None:
        """Take in an attempt."""
        with self._lock:
            self._counts[attempt.action, attempt.outcome] += 1
            self._last = attempt

    @property
    def last(self) -> Attempt | None:
        """The latest attempt, if there was one."""
        return self._last

    def counts(self) -> Mapping[tuple[Action, Outcome], int]:
        """Return how many attempts came to what."""
        with self._lock:
            return dict(self._counts)
