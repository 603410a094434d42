"""What is counted of the bytes of a text: classes, marks, scripts, and weights added up.

Every count is a column; a byte adds a whole number to each of a few. So sums are exact, and the
same in whatever order they are made. Counting itself is ``reading``.
"""

import numpy as np
import numpy.typing as npt

from router.cost.weights import LATIN_WEIGHT_OF_BYTE, WEIGHT_OF_BYTE

_BYTE_CLASSES: dict[str, bytes] = {
    "lower": b"abcdefghijklmnopqrstuvwxyz",
    "upper": b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "digit": b"0123456789",
    "space": b" \t",
    "newline": b"\n",
    "math": b"+-*/=^<>%$\\|",
    "bracket": b"()[]{}",
    "quote": b"\"'`",
    "stop": b".,;:!?",
    "question": b"?",
    "backslash": b"\\",
    "other_ascii": b"#&@_~",
    "continuation": bytes(range(0x80, 0xC0)),
    "lead_2": bytes(range(0xC0, 0xE0)),
    "lead_3": bytes(range(0xE0, 0xF0)),
    "lead_4": bytes(range(0xF0, 0x100)),
}
BYTE_CLASS_NAMES: tuple[str, ...] = tuple(_BYTE_CLASSES)

_MARKS: dict[str, bytes] = {
    "commas": b",",
    "periods": b".",
    "colons": b":",
    "semicolons": b";",
    "carets": b"^",
    "underscores": b"_",
    "dollars": b"$",
    "slashes": b"/",
    "round_brackets": b"(",
    "square_brackets": b"[",
    "curly_brackets": b"{",
    "double_quotes": b'"',
    "apostrophes": b"'",
}
MARK_NAMES: tuple[str, ...] = tuple(_MARKS)
"""Single bytes counted one by one, after the classes."""

SCRIPTS: dict[str, range] = {
    "greek_cyrillic": range(0xCE, 0xD6),
    "semitic": range(0xD6, 0xDC),
    "indic": range(0xE0, 0xE2),
    "han_kana": range(0xE3, 0xEA),
    "hangul": range(0xEA, 0xEE),
}
"""Lead bytes of letters, by script other than Latin."""

RARE_SPACE = "\x0b\x0c\x1c\x1d\x1e\x1f\x85"
"""Characters at which Python splits a text, other than those that people write."""

_COUNTED = [
    *_BYTE_CLASSES.values(),
    *_MARKS.values(),
    *(bytes(leads) for leads in SCRIPTS.values()),
    # Of U+0085 the last byte is counted, which is that of other characters as well.
    RARE_SPACE.encode("latin-1"),
]
N_COUNTS = len(_BYTE_CLASSES) + len(_MARKS)
"""Columns of classes and marks, which come first; scripts, rare space and weights follow."""

LATIN_UNITS, WEIGHT_UNITS = 100.0, 10_000.0
"""Whole units of the weights, which have so few decimals, in one of them."""


def _columns() -> npt.NDArray[np.float64]:
    columns = np.zeros((256, len(_COUNTED) + 2))
    for column, members in enumerate(_COUNTED):
        columns[list(members), column] = 1.0
    columns[:, -2] = np.rint(np.array(LATIN_WEIGHT_OF_BYTE) * LATIN_UNITS)
    columns[:, -1] = np.rint(np.array(WEIGHT_OF_BYTE) * WEIGHT_UNITS)
    return columns


COLUMNS_OF_BYTE = _columns()
"""float64, shape (256, n_columns): what each byte adds to each column, whole numbers."""
