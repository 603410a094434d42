"""What the compiled kernel is told of reading: the tables of ``byte_counts`` and ``feature_table``.

Nothing is decided here; the kernel holds loops, and what they count comes from these tables.
"""

from typing import NamedTuple, Self

from router.cost.shape import CLASS_OF_BYTE
from router.predict.byte_counts import (
    BYTE_CLASS_NAMES,
    COLUMNS_OF_BYTE,
    LATIN_UNITS,
    MARK_NAMES,
    N_COUNTS,
    SCRIPTS,
    WEIGHT_UNITS,
)
from router.predict.feature_table import FEATURES, MOST_RATIO, NEGATIONS, STATISTICS

_NAMES = (*BYTE_CLASS_NAMES, *MARK_NAMES)
_LOOKED_AT = ("space", "newline", "quote", "double_quotes", "apostrophes")


class Tables(NamedTuple):
    """As ``router.compiled.kernel.Reader`` takes them.

    Attributes:
        starts: 257 numbers: where the entries of each byte begin in the next two, and their end.
        columns: A column, for each entry.
        adds: What the byte adds to it.
        n_columns: Number of columns.
        n_counts: Columns that features may follow from, the first ones.
        n_scripts: Columns of scripts, which follow.
        units: What the last two columns, of weights, are divided by.
        classes: Columns of what ``_LOOKED_AT`` names.
        shape_classes: Of each byte, as in ``router.cost.shape``.
        above, below: Of each feature; columns, then places in ``statistics``.
        most_ratio: Ratios are cut there.
        statistics: Names of what is counted beside bytes.
        negations: Words, in UTF-8.
        long_bytes, end_words: Of a text of more bytes and more than twice as many words, so many
            words at each end are looked at.
    """

    starts: list[int]
    columns: list[int]
    adds: list[float]
    n_columns: int
    n_counts: int
    n_scripts: int
    units: tuple[float, float]
    classes: tuple[int, ...]
    shape_classes: bytes
    above: list[int]
    below: list[int]
    most_ratio: float
    statistics: tuple[str, ...]
    negations: list[bytes]
    long_bytes: int
    end_words: int

    @classmethod
    def of(cls, long_bytes: int, end_words: int) -> Self:
        """Return the tables of this release."""
        starts, columns, adds = [0], list[int](), list[float]()
        for row in COLUMNS_OF_BYTE:
            (used,) = row.nonzero()
            columns.extend(used.tolist())
            adds.extend(row[used].tolist())
            starts.append(len(columns))
        return cls(
            starts,
            columns,
            adds,
            COLUMNS_OF_BYTE.shape[1],
            N_COUNTS,
            len(SCRIPTS),
            (LATIN_UNITS, WEIGHT_UNITS),
            tuple(map(_NAMES.index, _LOOKED_AT)),
            CLASS_OF_BYTE,
            [feature.above for feature in FEATURES],
            [feature.below for feature in FEATURES],
            MOST_RATIO,
            STATISTICS,
            [word.encode() for word in sorted(NEGATIONS)],
            long_bytes,
            end_words,
        )
