"""Whether anybody still waits for what a thread computes.

A thread cannot be interrupted, so what computes for long asks here between its steps. Whoever runs
it (``threads``) keeps the answer; what asks needs to know nothing of calls.
"""

from contextvars import ContextVar
from dataclasses import dataclass


class NobodyWaitsError(Exception):
    """Ends work whose caller has left; nobody is there to be told, so it is no ``RouterError``."""


@dataclass(slots=True)
class Work:
    """One piece of work. Written by the loop's thread, read by the one that works."""

    is_wanted: bool = True


current_work: ContextVar[Work | None] = ContextVar("current_work", default=None)


def check_wanted() -> None:
    """Return if somebody waits for the work of this thread, or if nobody keeps account of it.

    Raises:
        NobodyWaitsError: its caller has left, or its deadline has passed.
    """
    work = current_work.get()
    if work is not None and not work.is_wanted:
        raise NobodyWaitsError
