"""The files of an artifact directory: each read once, and compared with its hash before use."""

import hashlib
import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from router.errors import ArtifactError

_MOST_BYTES = 1 << 31


class ReadOnce:
    """Files of one directory, each read at most once: what was verified is what is used.

    Whoever writes into the directory meanwhile changes nothing that was read, and what was read
    never mixes two states of one file. Two files may still be of different versions; their hashes
    in the manifest tell.

    Args:
        directory: Where the files lie. A link, such as ``current``, is followed now and not again.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._place = directory.resolve()
        self._read: dict[str, bytes] = {}

    def bytes_of(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            OSError: it cannot be read, is no plain file (reading a pipe might never end), or is
                larger than a graph can be.
        """
        if name not in self._read:
            path = self._place / name
            state = path.stat()
            if not stat.S_ISREG(state.st_mode) or state.st_size > _MOST_BYTES:
                raise OSError(f"no plain file of at most {_MOST_BYTES} bytes")
            self._read[name] = path.read_bytes()
        return self._read[name]

    def text_of(self, name: str) -> str:
        """Return the content of a UTF-8 file.

        Raises:
            OSError, UnicodeDecodeError: it cannot be read, or is no such text.
        """
        return self.bytes_of(name).decode("utf-8")

    def has(self, name: str) -> bool:
        """Tell whether there is such a file."""
        return (self._place / name).is_file()


def read_json(path: Path, files: ReadOnce | None = None) -> dict[str, Any]:
    """Read a JSON object of an artifact directory.

    Args:
        path: The file.
        files: Of its directory; by default it is read anew.

    Raises:
        ArtifactError: missing, not JSON, or not an object.
    """
    try:
        content = json.loads((files or ReadOnce(path.parent)).text_of(path.name))
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path}: missing; an artifact directory holds it: copy the directory again or run "
            "'make train'",
            reason="ARTIFACT_FILE_MISSING",
            metadata={"file": str(path)},
        ) from error
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{path}: not readable as JSON ({error}); copy the directory again",
            reason="ARTIFACT_FILE_UNREADABLE",
            metadata={"file": str(path)},
        ) from error
    if not isinstance(content, dict):
        raise ArtifactError(
            f"{path}: expected a JSON object, found {type(content).__name__}",
            reason="ARTIFACT_FILE_UNREADABLE",
            metadata={"file": str(path)},
        )
    return content


def verify_files(files: ReadOnce, hashes: Any, listed_in: Path, needed: Sequence[str]) -> None:
    """Check that every file of a ``{name: sha256}`` table is there and unaltered.

    Raises:
        ArtifactError: the table is malformed or leaves out a needed file, a file is missing, or
            its hash differs.
    """
    if not isinstance(hashes, dict) or not hashes:
        raise ArtifactError(
            f"{listed_in}: 'files' must be a table of file names and SHA-256 hashes",
            reason="ARTIFACT_MANIFEST",
            metadata={"file": str(listed_in)},
        )
    for name in needed:
        if name not in hashes:
            raise ArtifactError(
                f"{listed_in}: 'files' states no SHA-256 for {name}, so it cannot be verified: "
                "copy the directory again",
                reason="ARTIFACT_MANIFEST",
                metadata={"file": str(listed_in)},
            )
    for name, expected in hashes.items():
        path = files.directory / str(name)
        if Path(str(name)).name != name or not files.has(name):
            raise ArtifactError(
                f"{path}: named in {listed_in.name} but missing; copy the directory again",
                reason="ARTIFACT_FILE_MISSING",
                metadata={"file": str(path)},
            )
        try:
            actual = hashlib.sha256(files.bytes_of(name)).hexdigest()
        except OSError as error:  # taken away or closed off since it was looked for
            raise ArtifactError(
                f"{path}: not readable ({error}); copy the directory again",
                reason="ARTIFACT_FILE_UNREADABLE",
                metadata={"file": str(path)},
            ) from error
        if actual != expected:
            raise ArtifactError(
                f"{path}: altered: SHA-256 is {actual}, {listed_in.name} says {expected}; "
                "nothing of this artifact is used: copy the directory again or run 'make train'",
                reason="ARTIFACT_ALTERED",
                metadata={"file": str(path), "expected": str(expected), "actual": actual},
            )
