"""Logged decisions as arrays: what was chosen with which probability, and what came of it.

Reading them from a file is ``eval.ope.read``; estimates are ``ips``, ``snips`` and ``dr``.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray, IntArray, StrArray
from router.errors import DataError

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class LoggedDecisions:
    """n decisions among k actions.

    Attributes:
        actions: Names of the k actions.
        context_ids: (n,) name of each request.
        clusters: (n,) requests of one cluster (a user, a session) may depend on each other.
        action: (n,) int64, the action taken.
        propensity: (n, k) probability of every action at the time, rows adding up to 1.
        reward: (n,) float64, what is estimated first: quality in [0, 1].
        cost_usd: (n,) float64, USD paid.
        predicted_reward: (n, k) a reward model's prediction made without the logged reward, or
            None. The logging artifact's adequacy is one.
        predicted_cost_usd: (n, k) the same for cost, or None.

    Raises:
        DataError: no rows, shapes that disagree, a NaN, propensities that are no distribution,
            or an action that was taken with propensity 0.
    """

    actions: tuple[str, ...]
    context_ids: StrArray
    clusters: StrArray
    action: IntArray
    propensity: FloatArray
    reward: FloatArray
    cost_usd: FloatArray
    predicted_reward: FloatArray | None = None
    predicted_cost_usd: FloatArray | None = None

    def __post_init__(self) -> None:
        n, k = len(self.context_ids), len(self.actions)
        if n == 0 or k == 0:
            raise DataError(f"a log of {n} decisions among {k} actions: both must be at least 1")
        for name, shape in (
            ("clusters", (n,)),
            ("action", (n,)),
            ("propensity", (n, k)),
            ("reward", (n,)),
            ("cost_usd", (n,)),
            ("predicted_reward", (n, k)),
            ("predicted_cost_usd", (n, k)),
        ):
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != shape:
                raise DataError(f"{name} has shape {values.shape}, expected {shape}")
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise DataError(f"{name} must be finite for every decision")
        if not ((self.action >= 0) & (self.action < k)).all():
            raise DataError(f"actions must be numbered 0 to {k - 1}")
        if (self.propensity < 0).any() or (
            np.abs(self.propensity.sum(axis=1) - 1) > _TOLERANCE
        ).any():
            raise DataError("propensities of a decision must be >= 0 and add up to 1")
        impossible = int((self.taken(self.propensity) == 0).sum())
        if impossible:
            raise DataError(
                f"{impossible} of {n} decisions took an action of propensity 0: what is logged is "
                "not what decided"
            )

    def taken(self, by_action: FloatArray) -> FloatArray:
        """Pick the entry of the action taken: (n, k) to (n,)."""
        picked: FloatArray = np.take_along_axis(by_action, self.action[:, None], axis=1)[:, 0]
        return picked
