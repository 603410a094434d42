"""A file of lines written off the path: a bounded queue, one thread, drops that are counted.

What a line says is the caller's. A file that was moved away or deleted is followed by a new one at
the path, so that logs can be rotated. Lines still in the queue are lost if the process is killed;
what must not be lost belongs into a store.
"""

import logging
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TextIO, TypeVar

from router.errors import StoreError
from router.ledger.moved import Identity, identity_of

CAPACITY = 10_000
_PIECE_BYTES = 64 * 1024

logger = logging.getLogger("router.ledger")

Entry = TypeVar("Entry")


class LineLog(Generic[Entry]):
    """Appends one line per entry. ``put`` never waits and may be called from several threads.

    Args:
        path: Created when absent; a line torn by a crash at its end is cut off. Its directory must
            exist, and no other process may write to it.
        to_line: Makes the line, without line break; runs on the log's own thread.
        capacity: Most entries that wait, at least 1.

    Attributes:
        dropped: Entries that found no room or whose line could not be made or written.

    Raises:
        StoreError: the file cannot be opened for writing.
    """

    def __init__(
        self, path: Path, to_line: Callable[[Entry], str], capacity: int = CAPACITY
    ) -> None:
        self.path = path
        self.dropped = 0
        self._to_line = to_line
        self._lock = threading.Lock()
        self._queue: queue.Queue[Entry | None] = queue.Queue(capacity)
        try:
            _cut_torn_line(path)
            self._file, self._identity = _opened(path)
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be used as a log ({error}); give a writable path whose directory "
                "exists",
                metadata={"file": str(path)},
            ) from error
        self._thread = threading.Thread(target=self._run, name="router-log", daemon=True)
        self._thread.start()

    def put(self, entry: Entry) -> bool:
        """Hand over an entry; False when there is no room and it was dropped."""
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            self._drop()
            return False
        return True

    def close(self) -> None:
        """Write what waits, then close the file."""
        self._queue.put(None)
        self._thread.join()
        try:
            self._file.close()
        except OSError as error:  # a full disk, say; the server stops all the same
            self._drop()
            logger.warning("%s: the last lines were dropped: %s", self.path, error)
        if self.dropped:
            logger.warning("%s: %d entries were dropped", self.path, self.dropped)

    def _run(self) -> None:
        is_failing = False
        while (entry := self._queue.get()) is not None:
            try:
                self._follow()
                self._file.write(self._to_line(entry) + "\n")
                if self._queue.empty():
                    self._file.flush()
                is_failing = False
            except Exception as error:  # whatever makes a line fail, the next one must be tried
                self._drop()
                if not is_failing:  # told once, not for every line while a disk is full
                    logger.warning("%s: an entry was dropped: %s", self.path, error)
                is_failing = True

    def _follow(self) -> None:
        """Go on in a new file if ours is no longer at the path."""
        if identity_of(self.path) == self._identity:
            return
        before = self._file
        self._file, self._identity = _opened(self.path)
        logger.warning("%s: was moved away; going on in a new file", self.path)
        try:
            before.close()
        except OSError as error:
            self._drop()
            logger.warning("%s: the last lines before were dropped: %s", self.path, error)

    def _drop(self) -> None:
        with self._lock:
            self.dropped += 1


def _opened(path: Path) -> tuple[TextIO, Identity]:
    file = path.open("a", encoding="utf-8")
    found = os.fstat(file.fileno())
    return file, (found.st_dev, found.st_ino)


def _cut_torn_line(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        whole = size
        while whole:  # from the end, piece by piece: a log may be larger than memory
            start = max(whole - _PIECE_BYTES, 0)
            file.seek(start)
            found = file.read(whole - start).rfind(b"\n")
            if found >= 0:
                whole = start + found + 1
                break
            whole = start
        if whole < size:
            logger.warning("%s: cut %d bytes of a torn line", path, size - whole)
            file.truncate(whole)
