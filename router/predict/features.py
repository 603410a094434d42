"""Text features: what a prompt looks like, beside what it is about.

Here are counts that one pass over the bytes gives, as a small float32 row. Their order is part of
the artifact (``FEATURE_NAMES``, ``FEATURES_VERSION``); change either and retrain.
"""

import re

import numpy as np
import numpy.typing as npt

FEATURES_VERSION = 1

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

_CLASS_OF_BYTE = np.zeros((256, len(_BYTE_CLASSES)), dtype=np.float64)
for _column, _members in enumerate(_BYTE_CLASSES.values()):
    _CLASS_OF_BYTE[list(_members), _column] = 1.0

_OPTION_LINE = re.compile(r"\n\(?[A-J][.):]")
_NUMBER = re.compile(r"\d+")
_NEGATIONS = (" not ", "n't ", " except", " never ", " false")

FEATURE_NAMES: tuple[str, ...] = (
    "log_chars",
    "log_words",
    "log_newlines",
    "chars_per_word",
    "distinct_words_share",
    "lower_share",
    "upper_share",
    "digit_share",
    "math_share",
    "bracket_share",
    "quote_share",
    "stop_share",
    "non_ascii_share",
    "log_questions",
    "log_backslashes",
    "log_numbers",
    "log_option_lines",
    "log_negations",
    "code_fence",
    "json_marks_share",
)


def byte_class_counts(text: str) -> npt.NDArray[np.float64]:
    """Count the bytes of each class of ``BYTE_CLASS_NAMES`` in the UTF-8 of ``text``.

    Returns:
        float64, shape (n_classes,). Characters outside ASCII count once under their lead byte.
        Lone surrogates count as "?".
    """
    data = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8)
    counts: npt.NDArray[np.float64] = np.bincount(data, minlength=256) @ _CLASS_OF_BYTE
    return counts


def text_features(text: str) -> list[float]:
    """Return the features of ``FEATURE_NAMES`` for one text, all finite, logs natural."""
    counts = dict(zip(BYTE_CLASS_NAMES, byte_class_counts(text).tolist(), strict=True))
    words = text.split()
    n_words = max(len(words), 1)
    n_chars = max(len(text), 1)
    non_ascii = counts["lead_2"] + counts["lead_3"] + counts["lead_4"]
    tallies = np.log1p(
        (
            len(text),
            len(words),
            counts["newline"],
            counts["question"],
            counts["backslash"],
            len(_NUMBER.findall(text)),
            len(_OPTION_LINE.findall(text)),
            sum(map(text.count, _NEGATIONS)),
        )
    ).tolist()
    return [
        tallies[0],
        tallies[1],
        tallies[2],
        min(len(text) / n_words, 40.0),
        len(set(words)) / n_words,
        counts["lower"] / n_chars,
        counts["upper"] / n_chars,
        counts["digit"] / n_chars,
        counts["math"] / n_chars,
        counts["bracket"] / n_chars,
        counts["quote"] / n_chars,
        counts["stop"] / n_chars,
        non_ascii / n_chars,
        tallies[3],
        tallies[4],
        tallies[5],
        tallies[6],
        tallies[7],
        float("```" in text),
        (text.count('":') + text.count('",')) / n_chars,
    ]
