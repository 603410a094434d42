"""A file that keeps what was chosen to be in force: for the next start, and for other processes.

It is written whole by a rename. A choice was made under a configuration; where the configuration
now names something else, that is newer than the choice, which then counts no more.
"""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from router.errors import SwapError

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Trial:
    """A canary or a shadow: artifact directory and share."""

    artifact: str
    share: float


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be in force.

    Attributes:
        artifact: Artifact directory as it was asked for; may be a link.
        read_at: Where it led.
        catalog: Catalog file.
        artifact_version: Version of the artifact.
        catalog_version: Version of the catalog.
        configured: What the configuration it was made under names.
        canary: The canary, if there is to be one.
        shadow: The shadow, if there is to be one.
    """

    artifact: str
    read_at: str
    catalog: str
    artifact_version: str
    catalog_version: str
    configured: tuple[str, ...]
    canary: Trial | None = None
    shadow: Trial | None = None


def read_choice(path: Path) -> Choice | None:
    """Read a choice; None if none was made.

    Raises:
        SwapError: the file cannot be read, or is no choice.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise ValueError("of another format")
        configured = tuple(map(str, content.pop("configured")))
        canary, shadow = _trial(content.pop("canary")), _trial(content.pop("shadow"))
        return Choice(**content, configured=configured, canary=canary, shadow=shadow)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise SwapError(
            f"{path}: not a choice of artifact and catalog ({error!r}); remove the file, and what "
            "the configuration names is loaded at the next start",
            reason="CHOICE_UNREADABLE",
            metadata={"file": str(path)},
        ) from error


def write_choice(path: Path, choice: Choice) -> None:
    """Write a choice whole and durably.

    Raises:
        SwapError: it cannot be written; what was there still is.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    text = json.dumps({"format": FORMAT, **asdict(choice)}, indent=2)
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _keep_names(path.parent)
    except OSError as error:
        raise SwapError(
            f"{path}: what is in force cannot be kept there ({error}), so a restart and other "
            "processes do not know of it: make the path writable and reload",
            reason="CHOICE_NOT_KEPT",
            metadata={"file": str(path)},
        ) from error


def _keep_names(directory: Path) -> None:
    """Make a rename durable; some file systems cannot be asked to, and do so by themselves."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _trial(content: Any) -> Trial | None:
    return None if content is None else Trial(str(content["artifact"]), float(content["share"]))
