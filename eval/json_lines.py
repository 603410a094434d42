"""Logs as JSON lines: numbered lines of a file, and a line as a checked table.

What the keys of a line mean is with each reader.
"""

import json
from pathlib import Path

from router.checked import CheckedTable
from router.errors import DataError


def numbered_lines(path: Path, page: str = "docs/off-policy.md") -> list[tuple[int, str]]:
    """Return the lines of a file that are not blank, with their numbers.

    Args:
        path: The log.
        page: Where its format is described, for messages.

    Raises:
        DataError: no such file.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such log; give a file of JSON lines, see {page}")
    texts = path.read_text(encoding="utf-8").splitlines()
    return [(number, text) for number, text in enumerate(texts, start=1) if text.strip()]


def table_of_line(text: str, where: str) -> CheckedTable:
    """Return a line's object; ``where`` names the line in messages.

    Raises:
        DataError: no JSON, or no object.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise DataError(f"{where}: not JSON ({error})") from error
    if not isinstance(content, dict):
        raise DataError(f"{where}: must be a JSON object")
    return CheckedTable(content, where, "", DataError)
