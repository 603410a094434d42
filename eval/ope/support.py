"""How far a log can speak for another policy: overlap, importance weights, effective size."""

from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray
from eval.ope.log import LoggedDecisions
from router.errors import DataError

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Overlap:
    """Diagnostics of the importance weights.

    Attributes:
        effective_size: (sum w)^2 / sum w^2 (Kish 1965), in [1, n]: intervals of n rows behave
            like those of this many.
        greatest_weight: Largest single weight.
        mean_weight: Expected to be 1; far from it, the propensities are not those that decided.
        mean_weight_error: Standard error of ``mean_weight``.
    """

    effective_size: float
    greatest_weight: float
    mean_weight: float
    mean_weight_error: float


def require_support(log: LoggedDecisions, candidate: FloatArray) -> None:
    """Refuse a candidate that acts where the log could not have acted.

    Args:
        log: n decisions among k actions.
        candidate: (n, k) probabilities of the candidate policy, rows adding up to 1.

    Raises:
        DataError: wrong shape, no distribution, or (reason ``OPE_NO_SUPPORT``) candidate > 0 where
            propensity = 0, with the number of decisions per action.
    """
    if candidate.shape != log.propensity.shape:
        raise DataError(
            f"the candidate has shape {candidate.shape}, the log {log.propensity.shape}"
        )
    if (candidate < 0).any() or (np.abs(candidate.sum(axis=1) - 1) > _TOLERANCE).any():
        raise DataError("the candidate's probabilities of a decision must be >= 0 and add up to 1")
    missing = (candidate > 0) & (log.propensity == 0)
    if missing.any():
        by_action = [
            f"{name}: {count} decisions"
            for name, count in zip(log.actions, missing.sum(axis=0).tolist(), strict=True)
            if count
        ]
        rows = int(missing.any(axis=1).sum())
        raise DataError(
            f"in {rows} of {len(candidate)} decisions the candidate takes an action the log could "
            f"not have taken ({'; '.join(by_action)}), so nothing can be said of it: log with "
            "exploration over these actions, or judge a candidate that avoids them",
            problems=by_action,
            reason="OPE_NO_SUPPORT",
        )


def importance_weights(log: LoggedDecisions, candidate: FloatArray) -> FloatArray:
    """Return (n,) candidate / propensity of the action taken.

    Raises:
        DataError: what ``require_support`` refuses, or a candidate that never agrees with the log.
    """
    require_support(log, candidate)
    weights = log.taken(candidate) / log.taken(log.propensity)
    if not weights.any():
        raise DataError(
            f"the candidate would have taken none of the {len(weights)} logged actions, so the log "
            "says nothing of it: log more decisions",
            reason="OPE_NO_SUPPORT",
        )
    return weights


def overlap(weights: FloatArray) -> Overlap:
    """Summarise (n,) importance weights, not all 0."""
    return Overlap(
        effective_size=float(weights.sum() ** 2 / (weights**2).sum()),
        greatest_weight=float(weights.max()),
        mean_weight=float(weights.mean()),
        mean_weight_error=float(weights.std(ddof=min(1, len(weights) - 1)) / len(weights) ** 0.5),
    )
