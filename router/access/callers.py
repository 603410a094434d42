"""The callers a file of keys admits, and what each is doing at present.

The file is read again when it has changed, which is how a key is revoked; by a thread, since ten
thousand keys take a second to read. Who is calling is known to whatever runs under a call by
``current_caller``.
"""

import logging
import threading
import time
from contextvars import ContextVar
from pathlib import Path

from router.access.bucket import TokenBucket
from router.access.keys_file import CallerLimits, KeyEntry, read_keys
from router.access.watched import WatchedFiles
from router.errors import ConfigError

_CHECK_EVERY_SECONDS = 1.0

logger = logging.getLogger("router.server")


class Caller:
    """A key in use: its entry and what it is doing at present."""

    __slots__ = ("_bucket", "entry", "in_flight")

    def __init__(self, entry: KeyEntry) -> None:
        self.entry = entry
        self.in_flight = 0
        limits = entry.limits
        self._bucket = (
            TokenBucket(limits.requests_per_second, limits.burst, time.monotonic())
            if limits.requests_per_second is not None
            else None
        )

    @property
    def name(self) -> str:
        """Whom the key was made for."""
        return self.entry.name

    def take(self) -> float:
        """Count one request; return 0.0, or the seconds until one is allowed."""
        return 0.0 if self._bucket is None else self._bucket.take(time.monotonic())

    def charge(self, requests: int) -> None:
        """Count requests beyond the first of a call that was let in."""
        if self._bucket is not None:
            self._bucket.charge(requests)

    def left(self, _: object = None) -> None:
        """Count a call as ended."""
        self.in_flight -= 1


CURRENT: ContextVar[Caller | None] = ContextVar("router_caller", default=None)


def current_caller() -> Caller | None:
    """Return who is calling; None where no keys are asked for, or outside a call."""
    return CURRENT.get()


class Callers:
    """The callers of a file of keys; from ``follow`` to ``close`` it is read again on changes.

    Args:
        path: The file.
        limits: What a key without limits of its own may do.

    Raises:
        ConfigError: the file is missing, malformed, or writable by others.
    """

    def __init__(self, path: Path, limits: CallerLimits) -> None:
        self._path = path
        self._limits = limits
        self._watched = WatchedFiles(path)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._callers = {entry.id: Caller(entry) for entry in read_keys(path, limits)}
        logger.info("%d API keys in %s", len(self._callers), path)

    def find(self, identifier: str) -> Caller | None:
        """Return the caller of an id, from the file as it was when it was read last."""
        return self._callers.get(identifier)

    def follow(self) -> None:
        """Look every second, in a thread, whether the file has changed, until ``close``."""
        self._thread = threading.Thread(target=self._run, name="router-keys", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more; waits for a look that was begun."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def refresh(self) -> None:
        """Read the file again if it has changed; one that is refused leaves the keys as they are.

        A key whose entry is as before keeps its bucket and its calls in flight.
        """
        if not self._watched.changed():
            return
        try:
            entries = read_keys(self._path, self._limits)
        except ConfigError as error:
            logger.error("the API keys in use stay, nothing is revoked: %s", error)
            return
        before = self._callers
        self._callers = {
            entry.id: before[entry.id]
            if entry.id in before and before[entry.id].entry == entry
            else Caller(entry)
            for entry in entries
        }
        logger.info("API keys read again: %d in %s", len(entries), self._path)

    def _run(self) -> None:
        while not self._ended.wait(_CHECK_EVERY_SECONDS):
            try:
                self.refresh()
            except Exception:  # whatever is wrong with the file now, it must be looked at again
                logger.exception("the API keys in use stay, nothing is revoked")
