"""Whether files changed, seen from outside: names, sizes, times. Nothing is read here.

What changed is loaded only once it has stopped changing, so that a directory that is being copied
is not tried file by file; trying it would do no harm, because hashes tell.
"""

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Fingerprint = tuple[tuple[str, int, int, int], ...]

logger = logging.getLogger("router.server")


def fingerprint(paths: Sequence[Path]) -> Fingerprint:
    """Return what changes when a file does: path, inode, size and time of each.

    Args:
        paths: Files, and directories for the files in them; links are followed. One that is not
            there, or goes away meanwhile, is left out.
    """
    found: list[tuple[str, int, int, int]] = []
    for path in paths:
        with contextlib.suppress(OSError, RuntimeError):  # a link may lead in circles
            place = path.resolve()
            for file in sorted(place.iterdir()) if place.is_dir() else (place,):
                with contextlib.suppress(OSError):
                    state = file.stat()
                    found.append((str(file), state.st_ino, state.st_size, state.st_mtime_ns))
    return tuple(found)


class Watcher:
    """Looks every so many seconds whether files changed, and acts when they did and stopped.

    Args:
        paths: What to look at; asked every time.
        seconds: Between two looks, > 0.
        act: Called from the watcher's thread; what it raises is logged.
        again_seconds: When what raised is tried again; never by default, until the files change.
        also: What else counts as a change of the files when it changes, such as the day.
    """

    def __init__(
        self,
        paths: Callable[[], Sequence[Path]],
        seconds: float,
        act: Callable[[], object],
        *,
        again_seconds: float = math.inf,
        also: Callable[[], str] = lambda: "",
    ) -> None:
        self._paths = paths
        self._seconds = seconds
        self._act = act
        self._again_seconds = again_seconds
        self._also = also
        self._again_at = math.inf
        # Nothing was acted on yet: what came while the server started must not be missed.
        self._acted_on: tuple[str, Fingerprint] = ("", ())
        self._last = also(), fingerprint(paths())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="router-watch", daemon=True)
        self._thread.start()

    def look(self) -> bool:
        """Look once; act and return True if files changed and were the same at the last look."""
        seen = self._also(), fingerprint(self._paths())
        settled, self._last = seen == self._last, seen
        is_due = seen != self._acted_on or time.monotonic() >= self._again_at
        if not settled or not is_due:
            return False
        self._acted_on, self._again_at = seen, math.inf
        try:
            self._act()
        except Exception as error:  # told in full where it was noticed
            logger.debug("new files were not taken: %s", error)
            self._again_at = time.monotonic() + self._again_seconds
        return True

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            self.look()
