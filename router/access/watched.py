"""Files that are read again when they have changed: keys and certificates. No thread, no timer."""

from pathlib import Path


class WatchedFiles:
    """Remembers what some files looked like, and says once when that is no longer so.

    A file that was replaced (another inode), written (size, times), given other rights or removed
    has changed; links are followed, so that a directory of links which is switched to new content
    counts, too.
    """

    __slots__ = ("_paths", "_seen")

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._seen = self._look()

    def changed(self) -> bool:
        """Return whether a file differs from the last time this was asked."""
        now = self._look()
        if now == self._seen:
            return False
        self._seen = now
        return True

    def _look(self) -> list[tuple[int, ...] | None]:
        seen: list[tuple[int, ...] | None] = []
        for path in self._paths:
            try:
                found = path.stat()
            except OSError:
                seen.append(None)
            else:
                seen.append((found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino))
        return seen
