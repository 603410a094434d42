"""Whether two answers agree, as far as their digests tell.

Numbers, choices, JSON, code and short phrases are compared by the hash of their one spelling. Free
text is compared by the cosine of its vectors, and that only ever says "differ" or "cannot tell":
texts about the same prompt are near each other whether or not they say the same (docs/review.md).
"""

from enum import IntEnum
from math import sqrt

from router.review.digest import Digest
from router.review.final import Kind

TEXTS_DIFFER_BELOW = 0.5
"""Cosine below which two free texts are taken to differ: they speak of different things."""
_SHORT_KINDS = frozenset({Kind.NUMBER, Kind.CHOICE, Kind.PHRASE})


class Agreement(IntEnum):
    """What a comparison of two answers says. Values equal the wire enum's."""

    AGREE = 1
    DIFFER = 2
    CANNOT_TELL = 3


def compare(one: Digest, other: Digest) -> Agreement:
    """Compare two answers to the same prompt; the order does not matter."""
    if one.kind is Kind.TEXT and other.kind is Kind.TEXT:
        return _compare_texts(one.vector, other.vector)
    if not one.final_hash or not other.final_hash:
        return Agreement.CANNOT_TELL
    if one.final_hash[0] != other.final_hash[0]:
        return Agreement.CANNOT_TELL  # one hash is keyed, the other is not
    if one.kind == other.kind:
        return Agreement.AGREE if one.final_hash == other.final_hash else Agreement.DIFFER
    both_short = one.kind in _SHORT_KINDS and other.kind in _SHORT_KINDS
    return Agreement.DIFFER if both_short else Agreement.CANNOT_TELL


def cosine(one: tuple[float, ...], other: tuple[float, ...]) -> float | None:
    """Return the cosine of two vectors; None if one is missing, zero, or of another length."""
    if not one or len(one) != len(other):
        return None
    length = sqrt(sum(x * x for x in one) * sum(y * y for y in other))
    return sum(x * y for x, y in zip(one, other, strict=True)) / length if length else None


def _compare_texts(one: tuple[float, ...], other: tuple[float, ...]) -> Agreement:
    near = cosine(one, other)
    if near is None or near >= TEXTS_DIFFER_BELOW:
        return Agreement.CANNOT_TELL
    return Agreement.DIFFER
