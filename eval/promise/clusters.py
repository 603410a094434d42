"""Topics of prompts as clusters of their vectors, in plain NumPy.

Fitted on rows that are used for nothing else here; which topic a prompt belongs to is
``router.promise.topics``.
"""

import numpy as np
from numpy.typing import NDArray

from eval.arrays import FloatArray
from router.errors import DataError

_ROUNDS = 25


def fit_clusters(vectors: NDArray[np.floating], clusters: int, seed: int) -> FloatArray:
    """Find centres by Lloyd's k-means, started at rows of the data.

    Args:
        vectors: (n, d), n >= clusters.
        clusters: Number of centres, >= 1.
        seed: Seed of the starting rows.

    Returns:
        (clusters, d) float64 centres; a centre that lost all its rows stays where it was.

    Raises:
        DataError: fewer rows than clusters.
    """
    if not 1 <= clusters <= len(vectors):
        raise DataError(f"given {len(vectors)} rows and {clusters} clusters: rows must not be less")
    rows = vectors.astype(np.float64)
    rng = np.random.default_rng(seed)
    centres: FloatArray = rows[rng.choice(len(rows), clusters, replace=False)]
    for _ in range(_ROUNDS):
        nearest = _nearest(rows, centres)
        centres = np.stack(
            [
                rows[nearest == one].mean(axis=0) if (nearest == one).any() else centres[one]
                for one in range(clusters)
            ]
        )
    return centres


def spread(vectors: NDArray[np.floating], centres: FloatArray) -> float:
    """Return the sum of squared distances to the nearest centre: what k-means makes small."""
    rows = vectors.astype(np.float64)
    return float(((rows - centres[_nearest(rows, centres)]) ** 2).sum())


def _nearest(rows: FloatArray, centres: FloatArray) -> NDArray[np.intp]:
    nearest: NDArray[np.intp] = np.argmin((centres**2).sum(axis=1) - 2 * rows @ centres.T, axis=1)
    return nearest
