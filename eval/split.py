"""Which part of the outcomes a duplicate group belongs to.

Training and evaluation both call this, so they cannot disagree about what is held out. Fitting,
choosing and scoring live elsewhere.
"""

import hashlib
import math
from collections.abc import Sequence

import numpy as np

from eval.arrays import IntArray, StrArray
from router.errors import DataError

PARTS: tuple[str, str, str] = ("train", "validation", "test")
METHOD = "sha256-group-v1"


def assign_split(
    groups: StrArray | Sequence[str],
    seed: int,
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
) -> StrArray:
    """Assign every row to a part by the hash of its duplicate group.

    A group's part depends on the seed, the group's name and the fractions only: rows added to or
    taken from the table move nobody else, and no group ever stands on two sides. The shares are
    met in expectation, not exactly.

    Args:
        groups: (n,) names of duplicate groups.
        seed: Any integer; another seed draws another split.
        fractions: Shares of train, validation and test; each >= 0, together 1.

    Returns:
        (n,) array of ``"train"``, ``"validation"`` or ``"test"``.

    Raises:
        DataError: The fractions are negative or do not add up to 1.
    """
    if len(fractions) != len(PARTS) or min(fractions) < 0 or not math.isclose(sum(fractions), 1.0):
        raise DataError(
            f"split fractions {fractions} are not allowed: give three numbers >= 0 "
            f"for {', '.join(PARTS)} that add up to 1"
        )
    names, inverse = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    edges = np.cumsum(fractions)[:-1]
    positions = np.array([_unit_interval(str(name), seed) for name in names], dtype=np.float64)
    parts = np.array(PARTS)[np.searchsorted(edges, positions, side="right")]
    assigned: StrArray = parts[inverse]
    return assigned


def fold_of_groups(groups: StrArray, seed: int, folds: int) -> IntArray:
    """Return the fold of each row, (n,) int: groups are dealt out whole, by their hash."""
    fold = np.full(len(groups), folds - 1, dtype=np.int64)
    for k in range(folds - 1):
        share = 1.0 / (folds - k)
        free = fold == folds - 1
        taken = assign_split(groups, seed * 1000 + k, (share, 1.0 - share, 0.0)) == PARTS[0]
        fold[free & taken] = k
    return fold


def _unit_interval(group: str, seed: int) -> float:
    """Map a group to [0, 1) by the first 53 bits of sha256 over ``seed:group``."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / float(1 << 53)
