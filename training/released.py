"""A directory of artifacts as servers read it: one directory a version, and a link to one of them.

``DIR/<version>`` is never changed once it is there, and ``DIR/current`` is moved by one rename: a
server that reads ``DIR/current``, whenever it does, finds one whole version. Where the versions
come from is ``deploy``.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from router.errors import TrainingError
from router.predict.artifact import load_artifact

CURRENT = "current"


class Released:
    """The directory. One process at a time may write to it.

    Args:
        directory: Made if it is not there.

    Raises:
        TrainingError: ``current`` is there and no link.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory.resolve()
        self.current = self.directory / CURRENT
        if self.current.exists() and not self.current.is_symlink():
            raise TrainingError(
                f"{self.current}: is there and is no link, so it was not made here: give another "
                "directory",
                reason="NOT_A_RELEASE_DIRECTORY",
                metadata={"file": str(self.current)},
            )

    def in_use(self) -> str | None:
        """Return the version ``current`` leads to; None if there is none."""
        return self.current.readlink().name if self.current.is_symlink() else None

    def has(self, version: str) -> bool:
        """Tell whether a version is there."""
        return bool(version) and (self.directory / version / "manifest.json").is_file()

    def add(self, fetch: Callable[[Path], Path]) -> str:
        """Fetch an artifact, verify it as a server would, and put it in its place.

        Args:
            fetch: Writes below a directory of its own and returns where the artifact lies there.

        Returns:
            Its version.

        Raises:
            ArtifactError: it is refused; nothing is left of it.
        """
        with tempfile.TemporaryDirectory(dir=self.directory, prefix=".new-") as temporary:
            place = fetch(Path(temporary))
            version = load_artifact(place).version
            if not self.has(version):
                for path in (*place.iterdir(), place):
                    _to_disk(path)
                place.rename(self.directory / version)
                _to_disk(self.directory)
        return version

    def point(self, version: str | None) -> None:
        """Let ``current`` lead to a version, or to none."""
        if version is None:
            self.current.unlink(missing_ok=True)
            return
        fresh = self.directory / f".{CURRENT}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(version, target_is_directory=True)
        fresh.replace(self.current)
        _to_disk(self.directory)

    def prune(self, keep: int) -> list[str]:
        """Remove the versions that were put there first; return which.

        Args:
            keep: How many stay, at least 1; the one in use always does.
        """
        in_use = self.in_use()
        places = [path for path in self.directory.iterdir() if self.has(path.name)]
        places = [path for path in places if not path.is_symlink()]
        places.sort(key=lambda path: (path.name == in_use, path.stat().st_ctime_ns), reverse=True)
        for path in places[keep:]:
            shutil.rmtree(path)
        return [path.name for path in places[keep:]]


def _to_disk(path: Path) -> None:
    """Have the system write a file or directory out before something is renamed to it."""
    with suppress(OSError):  # some file systems refuse it for directories
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
