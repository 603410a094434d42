"""The directory that batch files are written to, whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path

from router.batch.files import File
from router.errors import BatchError


class Outbox:
    """A directory of batch files, which hold prompts: only their owner may read them.

    Args:
        directory: Must exist.
        holds_all: Whether all files are here now, wherever they were written.

    Attributes:
        directory: As given.
        place: Its absolute path.

    Raises:
        BatchError: it does not.
    """

    def __init__(self, directory: Path, *, holds_all: bool = False) -> None:
        if not directory.is_dir():
            raise BatchError(
                f"{directory}: there is no such directory; make it, or give another --out",
                metadata={"file": str(directory)},
            )
        self.directory, self.place = directory, directory.resolve()
        self._holds_all = holds_all

    def write(self, name: str, text: Iterable[str]) -> Path:
        """Write a file, durable under its name before this returns; what was there is replaced."""
        path, part = self.directory / name, self.directory / f".{name}.{os.getpid()}"
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            for piece in text:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync(self.directory)
        return path

    def delete(self, file: File) -> bool:
        """Delete a file where it was written, and what a crash left of writing it.

        Returns:
            Whether it is gone; not so if its directory is not there.
        """
        here = self._holds_all or file.directory is None
        directory = self.place if here else Path(file.directory or "")
        if not directory.is_dir():
            return False
        for path in (directory / file.name, *directory.glob(f".{file.name}.*")):
            path.unlink(missing_ok=True)
        _sync(directory)
        return True


def _sync(directory: Path) -> None:
    """Make names durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
