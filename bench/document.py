"""Figures in a document: the part between two marks is written anew by the command that measures.

With the command, its seed, the day and the load of the machine, so that who reads a table knows
where it comes from.
"""

import argparse
import os
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from router.compiled import IMPLEMENTATION
from router.errors import DataError

FLAG = "--document"


def add_flag(parser: argparse.ArgumentParser) -> None:
    """Let a command be asked to write its tables into a document."""
    parser.add_argument(
        FLAG, type=Path, metavar="FILE", help="write the tables between their marks in FILE"
    )


def write_section(
    document: Path | None, name: str, module: str, given: Sequence[str], seed: int, text: str
) -> None:
    """Replace the part of a document between ``<!-- name -->`` and ``<!-- end of name -->``.

    Args:
        document: The file; None writes nothing.
        name: Of the part.
        module: What was run with ``python -m``.
        given: Its arguments; those that name the document are not told.
        seed: Of the run.
        text: Markdown.

    Raises:
        DataError: the document has no such part.
    """
    if document is None:
        return
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    content = document.read_text(encoding="utf-8")
    before, has_begin, rest = content.partition(begin)
    _, has_end, after = rest.partition(end)
    if not has_begin or not has_end:
        raise DataError(f"{document}: has no {begin.strip()} with {end} after it; add both marks")
    command = shlex.join(["python", "-m", module, *_without_document(given)])
    load = os.getloadavg()[0]
    origin = (
        f"`{command}`, seed {seed}, {datetime.now(tz=UTC).date()}, {os.cpu_count()} cores, kernel "
        f"{IMPLEMENTATION}, load average {load:.1f} at the end.\n"
    )
    document.write_text(f"{before}{begin}{origin}\n{text}\n{end}{after}", encoding="utf-8")


def _without_document(given: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for place, one in enumerate(given):
        is_its_value = place > 0 and given[place - 1] == FLAG
        if one != FLAG and not is_its_value and not one.startswith(f"{FLAG}="):
            kept.append(one)
    return kept
