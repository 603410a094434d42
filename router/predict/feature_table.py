"""Which statistics of a text each text feature follows from, as a table.

NumPy and the compiled kernel both compute features from this table, so that what a feature is
stands in one place. Counting is ``reading`` and ``features``; the order is part of the artifact.
"""

from typing import NamedTuple

from router.predict.byte_counts import BYTE_CLASS_NAMES, MARK_NAMES

STATISTICS = (
    "inked",  # characters but for blanks and newlines: how a text was laid out does not count
    "words",
    "looked_at",  # words of both ends
    "distinct",  # different ones among these
    "non_ascii",  # characters
    "numbers",  # runs of digits of any script
    "option_lines",
    "negations",  # among the words looked at
    "fence",  # 1 if there are three backticks
    "json_marks",
)
"""What is counted beside bytes."""

_NAMES = (*BYTE_CLASS_NAMES, *MARK_NAMES, *STATISTICS)

MOST_RATIO = 40.0
"""Ratios are cut there; only characters per word ever are more."""

NEGATIONS = frozenset(
    form(word)
    for word in (
        "not", "never", "except", "false", "cannot", "don't", "doesn't", "didn't", "isn't",
        "aren't", "wasn't", "won't", "can't", "shouldn't",
    )
    for form in (str.lower, str.capitalize, str.upper)
)  # fmt: skip


class Feature(NamedTuple):
    """A feature: the logarithm of 1 + ``above``, or the ratio of ``above`` to at least 1 ``below``.

    Both are places among counts of bytes and then ``STATISTICS``; ``below`` is -1 for a logarithm.
    """

    name: str
    above: int
    below: int


def _log(name: str, above: str) -> Feature:
    return Feature(f"log_{name}", _NAMES.index(above), -1)


def _ratio(name: str, above: str, below: str = "inked") -> Feature:
    return Feature(name, _NAMES.index(above), _NAMES.index(below))


FEATURES: tuple[Feature, ...] = (
    _log("chars", "inked"),
    _log("words", "words"),
    _log("newlines", "newline"),
    _ratio("chars_per_word", "inked", "words"),
    _ratio("distinct_words_share", "distinct", "looked_at"),
    *(
        _ratio(f"{name}_share", name)
        for name in ("lower", "upper", "digit", "math", "bracket", "quote", "stop", "non_ascii")
    ),
    _log("questions", "question"),
    _log("backslashes", "backslash"),
    _log("numbers", "numbers"),
    _log("option_lines", "option_lines"),
    _log("negations", "negations"),
    _ratio("code_fence", "fence", "fence"),
    _ratio("json_marks_share", "json_marks"),
    *(_log(name, name) for name in MARK_NAMES),
)
