"""A text, read once: its words and its byte counts, which three stages need.

Features, tokenizer and token estimate each look at the same words and bytes. Here is that one
pass; what is made of it stands in ``features``, ``tokenize`` and ``router.cost.tokens``.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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

MARKS = b",.:;^_$/([{\"'"
"""Single bytes counted one by one, after the classes."""

_COUNTED = [*_BYTE_CLASSES.values(), *(bytes([mark]) for mark in MARKS)]
_COLUMN_OF_BYTE = np.zeros((256, len(_COUNTED)), dtype=np.float64)
for _column, _members in enumerate(_COUNTED):
    _COLUMN_OF_BYTE[list(_members), _column] = 1.0


class Reading(NamedTuple):
    """A text with what one pass over it gives.

    Attributes:
        text: The text itself.
        words: ``text.split()``: what stands between white space.
        byte_counts: Count of each class of ``BYTE_CLASS_NAMES``, then of each of ``MARKS``; whole
            numbers.
    """

    text: str
    words: list[str]
    byte_counts: list[float]


def read(text: str) -> Reading:
    """Read a text."""
    return Reading(text, text.split(), byte_class_counts(text).tolist())


def byte_class_counts(text: str) -> npt.NDArray[np.float64]:
    """Count the bytes of each class of ``BYTE_CLASS_NAMES``, and ``MARKS``, in UTF-8.

    Returns:
        float64, shape (n_classes + n_marks,). Characters outside ASCII count once under their
        lead byte. Lone surrogates count as "?".
    """
    data = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8)
    counts: npt.NDArray[np.float64] = np.bincount(data, minlength=256).dot(_COLUMN_OF_BYTE)
    return counts
