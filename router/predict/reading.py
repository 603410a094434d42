"""A text, read once: its words and its byte counts, which three stages need.

Features, tokenizer and token estimate each look at the same words and bytes. Here is that one
pass, with the bytes weighed for the estimate on the way; what is made of it stands in ``features``,
``tokenize`` and ``router.cost.tokens``. The compiled kernel reads the same in one go, where there
is one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from router.compiled import KERNEL
from router.predict.byte_counts import (
    BYTE_CLASS_NAMES,
    COLUMNS_OF_BYTE,
    LATIN_UNITS,
    N_COUNTS,
    WEIGHT_UNITS,
)

_DIGIT = BYTE_CLASS_NAMES.index("digit")
_ALL_BUT_DIGITS_TO_SPACE = bytes(byte if byte in b"0123456789" else 32 for byte in range(256))

END_WORDS = 64
"""Words that are looked at one by one at each end of a text; those between are only counted."""

LONG_BYTES = 1024
"""Up to here, splitting a text costs less than counting its words."""

_TEXTS_AT_ONCE = 24
"""Read together: few enough that the product is not shared out to threads, which wait for cores."""

_ASCII_SPACE = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"
_ONE_IN_WORDS = bytes(byte not in _ASCII_SPACE for byte in range(256))


class Reading(NamedTuple):
    """A text with what one pass over it gives.

    Attributes:
        text: The text itself.
        words: What stands between white space: all of it, or of a long text the first and last
            ``END_WORDS``; None if the kernel read it, which keeps none.
        n_words: How many there are; between the two ends, white space outside ASCII parts none.
        n_numbers: Runs of ASCII digits.
        byte_counts: Count of each class of ``BYTE_CLASS_NAMES``, then of each of ``MARK_NAMES``;
            whole numbers.
        scripts: Count of letters of each of ``SCRIPTS``.
        rare_space: At least the number of ``RARE_SPACE``.
        latin: Bytes by their ``LATIN_WEIGHT_OF_BYTE``, summed.
        weight: Bytes by their ``WEIGHT_OF_BYTE``, summed: tokens, but for words and numbers.
        encoded: The text in UTF-8, with "?" for lone surrogates.
        shape: Counts of ``router.cost.shape``, if the kernel read it; else None.
        features: Text features, if the kernel read it for them; else None, and ``features_of``
            makes them.
    """

    text: str
    words: list[str] | None
    n_words: int
    n_numbers: int
    byte_counts: list[float]
    scripts: list[float]
    rare_space: float
    latin: float
    weight: float
    encoded: bytes
    shape: tuple[int, int, int, int] | None = None
    features: list[float] | None = None


def read_in_numpy(text: str) -> Reading:
    """Read a text without the kernel."""
    data = text.encode("utf-8", "replace")
    return _reading(text, data, _counts(data).tolist())


def read_all_in_numpy(texts: Sequence[str]) -> list[Reading]:
    """Read many texts without the kernel; the bytes of some dozen at once, in half the time."""
    readings: list[Reading] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        some = texts[start : start + _TEXTS_AT_ONCE]
        encoded = [text.encode("utf-8", "replace") for text in some]
        readings += map(_reading, some, encoded, _all_counts(encoded).tolist())
    return readings


def _reading(text: str, data: bytes, counts: list[float]) -> Reading:
    """Return a text as read.

    Args:
        text: The text.
        data: Its bytes.
        counts: What their columns add up to; cut to the classes.
    """
    *scripts, rare, latin, weight = counts[N_COUNTS:]
    del counts[N_COUNTS:]
    latin, weight = latin / LATIN_UNITS, weight / WEIGHT_UNITS
    # Ten times faster than a pattern on 2,000 characters (2.5 against 24 microseconds).
    n_numbers = len(data.translate(_ALL_BUT_DIGITS_TO_SPACE).split()) if counts[_DIGIT] else 0
    if len(data) > LONG_BYTES and (n_words := _count_words(data)) > 2 * END_WORDS:
        start, end = text.split(None, END_WORDS), text.rsplit(None, END_WORDS)
        ends = start[:END_WORDS] + end[-END_WORDS:]
        return Reading(text, ends, n_words, n_numbers, counts, scripts, rare, latin, weight, data)
    words = text.split()
    return Reading(text, words, len(words), n_numbers, counts, scripts, rare, latin, weight, data)


def byte_class_counts(text: str) -> npt.NDArray[np.float64]:
    """Count the bytes of each class of ``BYTE_CLASS_NAMES``, and ``MARK_NAMES``, in UTF-8.

    Returns:
        float64, shape (n_classes + n_marks,). Characters outside ASCII count once under their
        lead byte. Lone surrogates count as "?".
    """
    return _counts(text.encode("utf-8", "replace"))[:N_COUNTS]


def _counts(data: bytes) -> npt.NDArray[np.float64]:
    histogram = np.bincount(np.frombuffer(data, dtype=np.uint8), minlength=256)
    counts: npt.NDArray[np.float64] = histogram.dot(COLUMNS_OF_BYTE)
    return counts


def _all_counts(encoded: Sequence[bytes]) -> npt.NDArray[np.float64]:
    """Return a row of counts for each of some texts."""
    rows = np.repeat(np.arange(len(encoded)) * 256, list(map(len, encoded)))
    places = rows + np.frombuffer(b"".join(encoded), dtype=np.uint8)
    histograms = np.bincount(places, minlength=len(encoded) * 256).reshape(len(encoded), 256)
    counts: npt.NDArray[np.float64] = histograms.dot(COLUMNS_OF_BYTE)
    return counts


def _count_words(data: bytes) -> int:
    """Count the places where a word begins, white space being ASCII's."""
    in_word = np.frombuffer(data.translate(_ONE_IN_WORDS), dtype=np.uint8)
    if not len(in_word):
        return 0
    return int(in_word[0]) + int(np.count_nonzero(in_word[1:] > in_word[:-1]))


if KERNEL is None:
    read, count, read_all = read_in_numpy, read_in_numpy, read_all_in_numpy
else:
    from router.predict.reading_tables import Tables

    READER = KERNEL.Reader(Tables.of(LONG_BYTES, END_WORDS), partial(tuple.__new__, Reading))
    _read: Callable[[str, bool], Reading] = READER.read

    def read(text: str) -> Reading:
        """Read a text."""
        try:
            return _read(text, True)
        except UnicodeEncodeError:  # a lone surrogate, which is no character of UTF-8
            return read_in_numpy(text)

    def count(text: str) -> Reading:
        """Read a text for an estimate of its tokens alone, without its features."""
        try:
            return _read(text, False)
        except UnicodeEncodeError:
            return read_in_numpy(text)

    def read_all(texts: Sequence[str]) -> list[Reading]:
        """Read many texts."""
        return list(map(read, texts))
