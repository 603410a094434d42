"""The rule of a contract: which tiers a predicted regret lets in at a threshold, and their loss.

The last tier is the reference: it is always permitted, and nothing is lost with it. The predicted
regret of another tier is the top tier's adequacy minus its own, in [-1, 1]; it is not clipped at
0, so that a contract can be stricter than "predicted to be as good". Which threshold keeps a
promise is ``router.promise.contract``.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from router.errors import DataError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

Covers = Literal["lowest", "any"]
"""``lowest``: the promise holds for the lowest permitted tier only. ``any``: for whichever
permitted tier is taken, so prices, limits and failures may decide among them freely."""
COVERS: tuple[Covers, ...] = ("lowest", "any")


def realised_loss(adequate: BoolArray) -> FloatArray:
    """Return 1 where a tier's answer was inadequate and the top tier's was adequate.

    Args:
        adequate: (n, tiers) bool, lowest tier first.

    Returns:
        (n, tiers) float64, 0 or 1; the last column is 0.
    """
    lost: FloatArray = (~adequate & adequate[:, -1:]).astype(np.float64)
    return lost


def predicted_regret(adequacy: NDArray[np.floating]) -> FloatArray:
    """Return how much adequacy each tier is predicted to give up against the top tier.

    Args:
        adequacy: (n, tiers) predicted probabilities in [0, 1], lowest tier first.

    Returns:
        (n, tiers) float64 in [-1, 1], negative where a tier is predicted to beat the top one; the
        last column is 0.
    """
    wide = adequacy.astype(np.float64)
    regret: FloatArray = wide[:, -1:] - wide
    return regret


def permitted_tiers(adequacy: Sequence[float], threshold: float | None) -> tuple[bool, ...]:
    """Say for one prompt which tiers the contract permits; the serving form of the rule.

    Args:
        adequacy: One probability per tier, lowest tier first; at least one.
        threshold: Greatest permitted predicted regret; None permits the top tier only.

    Returns:
        One bool per tier; the last is True.
    """
    if threshold is None:
        return (False,) * (len(adequacy) - 1) + (True,)
    top = adequacy[-1]
    return (*(top - one <= threshold for one in adequacy[:-1]), True)


def lowest_permitted(adequacy: NDArray[np.floating], threshold: float | None) -> IntArray:
    """Return the lowest permitted tier of every prompt.

    Args:
        adequacy: (n, tiers), lowest tier first.
        threshold: As in ``permitted_tiers``.

    Returns:
        (n,) int64 columns.
    """
    n, tiers = adequacy.shape
    if threshold is None:
        return np.full(n, tiers - 1, dtype=np.int64)
    lowest: IntArray = np.argmax(_permitted(predicted_regret(adequacy), threshold), axis=1)
    return lowest.astype(np.int64)


def losses_on_grid(
    adequacy: NDArray[np.floating], loss: FloatArray, grid: Sequence[float], covers: Covers
) -> FloatArray:
    """Look up what every prompt loses at every threshold.

    Args:
        adequacy: (n, tiers) predicted probabilities, lowest tier first.
        loss: (n, tiers) realised losses in [0, 1]; the last column must be 0.
        grid: g thresholds.
        covers: ``lowest`` takes the loss of the lowest permitted tier, ``any`` the greatest loss
            among the permitted ones.

    Returns:
        (n, g) float64 in [0, 1].

    Raises:
        DataError: shapes that disagree, losses outside [0, 1], a NaN, or a loss of the top tier.
    """
    _check(adequacy, loss)
    regret = predicted_regret(adequacy)
    rows = np.arange(len(loss))
    columns: list[FloatArray] = []
    for threshold in grid:
        permitted = _permitted(regret, threshold)
        if covers == "lowest":
            columns.append(loss[rows, np.argmax(permitted, axis=1)])
        else:
            columns.append(np.where(permitted, loss, 0.0).max(axis=1))
    return np.column_stack(columns)


def _permitted(regret: FloatArray, threshold: float) -> BoolArray:
    permitted: BoolArray = regret <= threshold
    permitted[:, -1] = True
    return permitted


def _check(adequacy: NDArray[np.floating], loss: FloatArray) -> None:
    if adequacy.ndim != 2 or adequacy.shape != loss.shape or adequacy.shape[1] < 1:
        raise DataError(
            f"adequacy has shape {adequacy.shape} and loss {loss.shape}: both must be "
            "(prompts, tiers) with the lowest tier first"
        )
    if np.isnan(adequacy).any() or not ((adequacy >= 0) & (adequacy <= 1)).all():
        raise DataError("predicted adequacy must lie in [0, 1] for every prompt and tier")
    if np.isnan(loss).any() or not ((loss >= 0) & (loss <= 1)).all():
        raise DataError("losses must lie in [0, 1] for every prompt and tier; none may be missing")
    if loss[:, -1].any():
        raise DataError(
            "the last tier is what losses are measured against, so its own loss must be 0: order "
            "the tiers lowest first"
        )
