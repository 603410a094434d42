"""Aligned text: tables, shortened cells and optional colour. What is shown is decided elsewhere."""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TextIO
from unicodedata import combining, east_asian_width

LEAST_WIDTH = 80
_COLOURS = {"green": "32", "yellow": "33", "magenta": "35", "bold": "1", "dim": "2"}


def terminal_width() -> int:
    """Return the columns of the terminal, at least ``LEAST_WIDTH``; 100 where there is none."""
    return max(shutil.get_terminal_size((100, 24)).columns, LEAST_WIDTH)


def has_colour(stream: TextIO) -> bool:
    """Return whether colour is welcome: a terminal, and NO_COLOR not set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def painted(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Return ``text`` in a colour of ``_COLOURS`` where the stream shows it, else as it is."""
    if not has_colour(stream or sys.stdout):
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def columns_of(text: str) -> int:
    """Return the terminal columns of a text without control characters."""
    return sum(
        0 if combining(letter) else 1 + (east_asian_width(letter) in "WF") for letter in text
    )


def shortened(text: str, width: int) -> str:
    """Return ``text`` on one line, with an ellipsis where it takes more than ``width`` columns."""
    line = " ".join(text.split())
    if columns_of(line) <= width:
        return line
    kept = ""
    for letter in line:
        if columns_of(kept + letter) > width - 1:
            break
        kept += letter
    return kept.rstrip() + "…"


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return ``text`` filled with spaces to ``width`` columns, on its left if ``right``."""
    space = " " * max(width - columns_of(text), 0)
    return space + text if right else text + space


def lines_of_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()
) -> list[str]:
    """Return the lines of a table: header, a rule, then the rows.

    Args:
        header: Column titles.
        rows: Cells, each row as long as the header.
        right: Indices of the columns whose cells stand at the right.
    """
    widths = [max(map(columns_of, column)) for column in zip(header, *rows, strict=True)]
    rule = ["─" * width for width in widths]
    return [
        "  ".join(
            padded(cell, width, right=index in right)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, rule, *rows)
    ]
