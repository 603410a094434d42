"""Calibration of a contract by Learn-then-Test with fixed-sequence testing.

Angelopoulos, Bates, Candes, Jordan & Lei 2021, arXiv 2110.01052: each threshold t of a grid fixed
beforehand has the null hypothesis "the risk at t is above alpha". They are tested from the most
conservative t upward, each at level delta, and testing ends at the first that is not rejected.
The last rejected threshold has a risk <= alpha with probability >= 1 - delta over the draw of the
calibration prompts, which must be independent draws of the traffic and used for nothing else. The
risk need not grow with t. Watching the promise in use is ``router.promise.monitor``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from router.errors import DataError
from router.promise.bounds import (
    binomial_tail_table,
    clopper_pearson_upper,
    hoeffding_bentkus_p_value,
    hoeffding_bentkus_upper,
)
from router.promise.rule import Covers, FloatArray, losses_on_grid

Bound = Literal["clopper-pearson", "hoeffding-bentkus", "none"]
BOUNDS: tuple[Bound, ...] = ("clopper-pearson", "hoeffding-bentkus", "none")

DEFAULT_GRID: tuple[float, ...] = tuple(i / 200 for i in range(-100, 121))
"""Thresholds -0.5, -0.495, ..., 0.6 on predicted regret, fixed before any data are seen."""


@dataclass(frozen=True, slots=True)
class CalibrationCounts:
    """All that a contract needs of the calibration prompts: what was lost at each threshold.

    From these the terms for any alpha and delta follow without the prompts.

    Attributes:
        grid: Rising thresholds in [-1, 1].
        total_loss: One per threshold, the sum of the n losses.
        n: Number of calibration prompts.
        binary: Every single loss was 0 or 1, so the exact binomial test applies.
        covers: Which choice among permitted tiers the losses stand for.
    """

    grid: tuple[float, ...]
    total_loss: tuple[float, ...]
    n: int
    binary: bool
    covers: Covers

    def __post_init__(self) -> None:
        check_grid(self.grid)
        if len(self.total_loss) != len(self.grid) or self.n < 0:
            raise DataError(
                f"{len(self.total_loss)} losses for {len(self.grid)} thresholds and n = {self.n}: "
                "give one total per threshold and n >= 0"
            )


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """A promise and what it rests on.

    Attributes:
        alpha: Promised greatest share of requests that lose against the top tier.
        delta: Probability, over the draw of the calibration prompts, that the promise is broken.
        threshold: Greatest permitted predicted regret; None = always the top tier.
        n: Number of calibration prompts.
        empirical_risk: Mean loss of the n prompts at the threshold; 0 for always top.
        upper_bound: Upper bound of the risk at the threshold taken alone, at level delta. It is
            <= alpha; the guarantee, which accounts for the choice of threshold, is alpha.
        bound: Which test was used.
        covers: ``lowest`` or ``any``, see ``router.promise.rule``.
        tested: Thresholds tested until the first non-rejection, that one included.
        topic: Which topic the promise is for, of a contract per topic; ``n`` and the risk are of
            its prompts. Empty = all traffic.
        topics: How many topics share ``delta``, which then is the probability that the promise is
            broken in any of them: each was tested at ``delta`` / topics.
        willingness_to_pay_usd: What plan and reviews go by, of a contract over reviews, which has
            no threshold; None = only the top tier, or not over reviews.
    """

    alpha: float
    delta: float
    threshold: float | None
    n: int
    empirical_risk: float
    upper_bound: float
    bound: Bound
    covers: Covers
    tested: int
    topic: str = ""
    topics: int = 1
    willingness_to_pay_usd: float | None = None

    @property
    def level(self) -> float:
        """Allowed probability that this promise alone is broken."""
        return self.delta / self.topics


def count_losses(
    adequacy: NDArray[np.floating],
    loss: FloatArray,
    grid: Sequence[float] = DEFAULT_GRID,
    covers: Covers = "any",
) -> CalibrationCounts:
    """Sum the losses of the calibration prompts at every threshold.

    Args:
        adequacy: (n, tiers) predicted probabilities, lowest tier first. The predictor must not
            have seen these prompts, neither in fitting nor in calibration or choice.
        loss: (n, tiers) realised losses in [0, 1], last column 0.
        grid: Rising thresholds, fixed without looking at these prompts.
        covers: What the promise shall cover.

    Raises:
        DataError: what ``losses_on_grid`` and ``check_grid`` refuse.
    """
    check_grid(grid)
    by_threshold = losses_on_grid(adequacy, loss, grid, covers)
    return CalibrationCounts(
        grid=tuple(grid),
        total_loss=tuple(by_threshold.sum(axis=0).tolist()),
        n=len(loss),
        binary=bool(np.isin(loss, (0.0, 1.0)).all()),
        covers=covers,
    )


def contract(counts: CalibrationCounts, alpha: float, delta: float) -> ContractTerms:
    """Find the least conservative threshold the calibration can vouch for.

    Args:
        counts: From prompts used for nothing else.
        alpha: Promised risk, in (0, 1), chosen without looking at the counts.
        delta: Allowed probability of a broken promise, in (0, 1).

    Raises:
        DataError: alpha or delta outside (0, 1).
    """
    if not 0 < alpha < 1 or not 0 < delta < 1:
        raise DataError(
            f"given alpha = {alpha} and delta = {delta}: both must lie between 0 and 1, for "
            "example 0.05 and 0.1"
        )
    p_values = _p_values(counts, alpha)
    rejected = int(rejected_in_sequence(np.array([p_values]), delta)[0])
    tested = min(rejected + 1, len(counts.grid))
    bound: Bound = "clopper-pearson" if counts.binary else "hoeffding-bentkus"
    if rejected == 0:
        return ContractTerms(alpha, delta, None, counts.n, 0.0, 0.0, "none", counts.covers, tested)
    total = counts.total_loss[rejected - 1]
    upper = (
        clopper_pearson_upper(round(total), counts.n, delta)
        if counts.binary
        else hoeffding_bentkus_upper(total, counts.n, delta)
    )
    return ContractTerms(
        alpha=alpha,
        delta=delta,
        threshold=counts.grid[rejected - 1],
        n=counts.n,
        empirical_risk=total / counts.n,
        upper_bound=upper,
        bound=bound,
        covers=counts.covers,
        tested=tested,
    )


def always_top(terms: ContractTerms) -> ContractTerms:
    """Return the terms of the same promise with only the top tier permitted."""
    return replace(
        terms,
        threshold=None,
        willingness_to_pay_usd=None,
        empirical_risk=0.0,
        upper_bound=0.0,
        bound="none",
    )


def rejected_in_sequence(p_values: FloatArray, delta: float) -> NDArray[np.int64]:
    """Count the thresholds rejected before the first that is not, row by row.

    Args:
        p_values: (draws, thresholds), most conservative threshold first.
        delta: Level of every single test and of the whole sequence.

    Returns:
        (draws,) int64 in 0..thresholds; the last rejected threshold is at this count minus 1.
    """
    rejected: NDArray[np.int64] = np.cumprod(p_values <= delta, axis=1).sum(axis=1)
    return rejected.astype(np.int64)


def check_grid(grid: Sequence[float]) -> None:
    """Refuse a grid that does not rise strictly within [-1, 1].

    Raises:
        DataError: as said.
    """
    given = np.asarray(grid, dtype=np.float64)
    if given.size == 0 or np.isnan(given).any() or given.min() < -1 or given.max() > 1:
        raise DataError(f"a grid holds one or more thresholds in [-1, 1], given {list(grid)[:5]}")
    if (np.diff(given) <= 0).any():
        raise DataError("thresholds of a grid must rise strictly, most conservative first")


def _p_values(counts: CalibrationCounts, alpha: float) -> list[float]:
    if counts.n == 0:
        return [1.0] * len(counts.grid)
    if counts.binary:
        table = binomial_tail_table(counts.n, alpha)
        return [float(table[round(total)]) for total in counts.total_loss]
    return [hoeffding_bentkus_p_value(total, counts.n, alpha) for total in counts.total_loss]
