"""What happens to a contract when the traffic changes: audits, detection, harm, recalibration."""

from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray
from router.promise.wealth import after_loss, initial_wealth, total

_ONE = np.ones(1)


@dataclass(frozen=True, slots=True)
class Watch:
    """One monitored life per path, from calibration to rejection.

    Attributes:
        rejected_at: (paths,) audit of the rejection, counted from 1; 0 = never.
        audited_losses: (paths,) losses among the audits after the shift until the rejection, or
            until the end.
    """

    rejected_at: IntArray
    audited_losses: IntArray

    @property
    def rejected(self) -> BoolArray:
        """(paths,) whether the monitor rejected at all."""
        result: BoolArray = self.rejected_at > 0
        return result


def watch_paths(
    risk_before: FloatArray,
    risk_after: FloatArray,
    quiet: int,
    audits: int,
    alpha: float,
    delta: float,
    rng: np.random.Generator,
) -> Watch:
    """Feed audited losses to one monitor per path.

    Args:
        risk_before: (paths,) risk of the first ``quiet`` audits.
        risk_after: (paths,) risk of the others.
        quiet: Audits before the shift.
        audits: All audits, after which watching ends.
        alpha: Promised risk.
        delta: Of the monitor.
        rng: Source of chance.
    """
    paths = len(risk_before)
    wealth, level = initial_wealth((paths,)), np.array([alpha])
    rejected_at = np.zeros(paths, dtype=np.int64)
    losses = np.zeros(paths, dtype=np.int64)
    for seen in range(audits):
        loss = rng.random(paths) < (risk_before if seen < quiet else risk_after)
        wealth = after_loss(wealth, seen, loss.astype(np.float64), _ONE, level)
        alive = rejected_at == 0
        if seen >= quiet:
            losses += alive & loss
        rejected_at[alive & (total(wealth) >= 1 / delta)] = seen + 1
        if (rejected_at > 0).all():
            break
    return Watch(rejected_at, losses)


def harmed_requests(
    watch: Watch, risk_after: FloatArray, quiet: int, audit_share: float, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Count requests and losses from the shift to the rejection, audited or not.

    Args:
        watch: Paths, of which only those that rejected after the shift have a meaning here.
        risk_after: (paths,) risk after the shift.
        quiet: Audits before the shift.
        audit_share: Probability of an audit.
        rng: Source of chance.

    Returns:
        (paths,) requests and (paths,) requests that lost.
    """
    audits = np.maximum(watch.rejected_at - quiet, 1)
    unaudited = rng.negative_binomial(audits, audit_share)
    harmed = watch.audited_losses + rng.binomial(unaudited, risk_after)
    return audits + unaudited, harmed
