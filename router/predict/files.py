"""The files of an artifact directory: read, and compared with their hashes before use."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from router.errors import ArtifactError


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of an artifact directory.

    Raises:
        ArtifactError: missing, not JSON, or not an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
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


def verify_files(directory: Path, files: Any, listed_in: Path, needed: Sequence[str]) -> None:
    """Check that every file of a ``{name: sha256}`` table is there and unaltered.

    Raises:
        ArtifactError: the table is malformed or leaves out a needed file, a file is missing, or
            its hash differs.
    """
    if not isinstance(files, dict) or not files:
        raise ArtifactError(
            f"{listed_in}: 'files' must be a table of file names and SHA-256 hashes",
            reason="ARTIFACT_MANIFEST",
            metadata={"file": str(listed_in)},
        )
    for name in needed:
        if name not in files:
            raise ArtifactError(
                f"{listed_in}: 'files' states no SHA-256 for {name}, so it cannot be verified: "
                "copy the directory again",
                reason="ARTIFACT_MANIFEST",
                metadata={"file": str(listed_in)},
            )
    for name, expected in files.items():
        path = directory / str(name)
        if Path(str(name)).name != name or not path.is_file():
            raise ArtifactError(
                f"{path}: named in {listed_in.name} but missing; copy the directory again",
                reason="ARTIFACT_FILE_MISSING",
                metadata={"file": str(path)},
            )
        actual = hashlib.sha256(path.read_bytes()).hexdigest()
        if actual != expected:
            raise ArtifactError(
                f"{path}: altered: SHA-256 is {actual}, {listed_in.name} says {expected}; "
                "nothing of this artifact is used: copy the directory again or run 'make train'",
                reason="ARTIFACT_ALTERED",
                metadata={"file": str(path), "expected": str(expected), "actual": actual},
            )
