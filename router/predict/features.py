"""Text features: what a prompt looks like, beside what it is about.

Here are counts of bytes, and of the words at both ends of a text, as a small float32 row. Their
order is part of the artifact (``FEATURE_NAMES``, ``FEATURES_VERSION``); change either and retrain.
"""

import re
from math import log1p

from router.predict.reading import BYTE_CLASS_NAMES, Reading, byte_class_counts, read

__all__ = [
    "BYTE_CLASS_NAMES",
    "FEATURES_VERSION",
    "FEATURE_NAMES",
    "byte_class_counts",
    "features_of",
    "text_features",
]

FEATURES_VERSION = 6

_OPTION_LINE = re.compile(r"\n\(?[A-J][.):]")
_NUMBER = re.compile(r"\d+")
_NEGATIONS = frozenset(
    form(word)
    for word in (
        "not", "never", "except", "false", "cannot", "don't", "doesn't", "didn't", "isn't",
        "aren't", "wasn't", "won't", "can't", "shouldn't",
    )
    for form in (str.lower, str.capitalize, str.upper)
)  # fmt: skip

_MARK_NAMES = (
    "commas", "periods", "colons", "semicolons", "carets", "underscores", "dollars", "slashes",
    "round_brackets", "square_brackets", "curly_brackets", "double_quotes", "apostrophes",
)  # fmt: skip
"""One for each of ``MARKS``."""

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
    *(f"log_{name}" for name in _MARK_NAMES),
)


def text_features(text: str) -> list[float]:
    """Return the features of ``FEATURE_NAMES`` for one text, all finite, logs natural."""
    return features_of(read(text))


def features_of(reading: Reading) -> list[float]:
    """Return the features of ``FEATURE_NAMES`` for a text that is read already."""
    text, words, n_words, n_numbers, byte_counts, *_ = reading
    (
        lower, upper, digit, space, newline, math, bracket, quote, stop, question, backslash, _, _,
        lead_2, lead_3, lead_4, *marks,
    ) = byte_counts  # fmt: skip
    double_quotes, apostrophes = marks[-2:]
    # Blanks tell how a prompt was laid out, not what it asks; lines are counted by themselves.
    inked = len(text) - space - newline
    n_chars = max(inked, 1.0)
    fence = quote > double_quotes + apostrophes and "```" in text
    distinct = set(words)
    # Most texts have none, and telling that takes no look at each word.
    negations = 0 if _NEGATIONS.isdisjoint(distinct) else sum(map(_NEGATIONS.__contains__, words))
    json_marks = text.count('":') + text.count('",') if double_quotes else 0
    return [
        log1p(inked),
        log1p(n_words),
        log1p(newline),
        min(inked / max(n_words, 1), 40.0),
        len(distinct) / max(len(words), 1),
        lower / n_chars,
        upper / n_chars,
        digit / n_chars,
        math / n_chars,
        bracket / n_chars,
        quote / n_chars,
        stop / n_chars,
        (lead_2 + lead_3 + lead_4) / n_chars,
        log1p(question),
        log1p(backslash),
        log1p(n_numbers if text.isascii() else len(_NUMBER.findall(text))),  # of any script
        log1p(len(_OPTION_LINE.findall(text)) if newline else 0),
        log1p(negations),
        float(fence),
        json_marks / n_chars,
        *map(log1p, marks),
    ]
