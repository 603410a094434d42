"""The directory that batch files are written to, whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path

from router.errors import BatchError


class Outbox:
    """A directory of batch files, which hold prompts: only their owner may read them.

    Args:
        directory: Must exist.

    Raises:
        BatchError: it does not.
    """

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise BatchError(
                f"{directory}: there is no such directory; make it, or give another --out",
                metadata={"file": str(directory)},
            )
        self.directory = directory

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
        self._sync()
        return path

    def delete(self, name: str) -> None:
        """Delete a file, if it is there, and what a crash left of writing it."""
        for path in (self.directory / name, *self.directory.glob(f".{name}.*")):
            path.unlink(missing_ok=True)
        self._sync()

    def _sync(self) -> None:
        """Make names durable."""
        handle = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
