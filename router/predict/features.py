"""Text features: what a prompt looks like, beside what it is about.

Here are counts of bytes, and of the words at both ends of a text, as a small float32 row. Their
order is part of the artifact (``FEATURE_NAMES``, ``FEATURES_VERSION``); change either and retrain.
"""

import re
from math import log1p

from router.predict.byte_counts import BYTE_CLASS_NAMES
from router.predict.feature_table import FEATURES, MOST_RATIO, NEGATIONS
from router.predict.reading import Reading, byte_class_counts, read

__all__ = [
    "BYTE_CLASS_NAMES",
    "FEATURES_VERSION",
    "FEATURE_NAMES",
    "byte_class_counts",
    "features_of",
    "text_features",
]

FEATURES_VERSION = 6

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)

_OPTION_LINE = re.compile(r"\n\(?[A-J][.):]")
_NUMBER = re.compile(r"\d+")
_PLACES = tuple((above, below) for _, above, below in FEATURES)
_LEADS = slice(BYTE_CLASS_NAMES.index("lead_2"), BYTE_CLASS_NAMES.index("lead_4") + 1)
_SPACE, _NEWLINE, _QUOTE = map(BYTE_CLASS_NAMES.index, ("space", "newline", "quote"))


def text_features(text: str) -> list[float]:
    """Return the features of ``FEATURE_NAMES`` for one text, all finite, logs natural."""
    return features_of(read(text))


def features_of(reading: Reading) -> list[float]:
    """Return the features of ``FEATURE_NAMES`` for a text that is read already."""
    if reading.features is not None:
        return reading.features
    counts = [*reading.byte_counts, *_statistics(reading)]
    return [
        log1p(counts[above])
        if below < 0
        else min(counts[above] / max(counts[below], 1.0), MOST_RATIO)
        for above, below in _PLACES
    ]


def _statistics(reading: Reading) -> tuple[float, ...]:
    """Return what ``STATISTICS`` names."""
    text, counts = reading.text, reading.byte_counts
    words = text.split() if reading.words is None else reading.words
    distinct = set(words)
    has_quotes, has_newlines = counts[_QUOTE], counts[_NEWLINE]
    return (
        len(text) - counts[_SPACE] - has_newlines,
        reading.n_words,
        len(words),
        len(distinct),
        sum(counts[_LEADS]),
        reading.n_numbers if text.isascii() else len(_NUMBER.findall(text)),
        len(_OPTION_LINE.findall(text)) if has_newlines else 0,
        # Most texts have none, and telling that takes no look at each word.
        0 if NEGATIONS.isdisjoint(distinct) else sum(map(NEGATIONS.__contains__, words)),
        1.0 if has_quotes and "```" in text else 0.0,
        text.count('":') + text.count('",') if has_quotes else 0,
    )
