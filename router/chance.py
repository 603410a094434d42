"""Chance drawn from a decision's id: 128 random bits, each part of which decides one thing.

A decision can so be checked afterwards from its id alone, and drawing costs a comparison. The id
comes from the operating system, before anything is known of an answer.
"""

_WHOLE = 1 << 32


def audit_chance(decision_id: str) -> float:
    """Return a uniform draw from [0, 1) by the first 32 bits; an audit if below the share."""
    return int(decision_id[:8], 16) / _WHOLE


def exploration_chance(decision_id: str) -> float:
    """Return a uniform draw from [0, 1) by the next 32 bits, independent of the other draws."""
    return int(decision_id[8:16], 16) / _WHOLE


def picked(decision_id: str, n: int) -> int:
    """Return a uniform draw from 0 to n - 1 by the last 64 bits; n at least 1 and small."""
    return int(decision_id[16:], 16) % n


def shadow_chance(decision_id: str) -> float:
    """Return a uniform draw from [0, 1) by the last 32 bits; looked at again if below the share."""
    return int(decision_id[24:], 16) / _WHOLE
