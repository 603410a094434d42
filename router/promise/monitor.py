"""An anytime-valid watch on a contract: it may be looked at after every audit, for ever.

**What is tested.** Every request takes part in a lottery drawn from its own coin of known
probability, before anything is known of the answers. A request that wins and went to the top tier
is reported with loss 0 at no cost; one that went to a cheaper tier gets a second answer from the
top tier and is reported with its loss. The mean tested is then the contract's own: the mean loss
over *all* requests. (Fed with cheaply routed requests only, the same test speaks of the mean over
those, which is greater than the contract's by one over their share.)

**Hypothesis** "every request's expected loss, given all before it, is <= alpha": its rejection at
any time has probability <= delta (``router.promise.wealth``). Rejecting needs no fixed sample size
and no assumption that losses are alike. What to do then is the caller's.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from router.errors import DataError
from router.promise.wealth import FloatArray, after_loss, initial_wealth, total

LEVELS: FloatArray = np.geomspace(0.001, 0.9, 64)
"""Levels of the lower confidence bound; between two of them the lower one is stated."""


@dataclass(frozen=True, slots=True)
class MonitorPlan:
    """What is watched; fixed before the first audit.

    Attributes:
        alpha: Promised mean loss, in (0, 1).
        delta: Allowed probability of ever rejecting a promise that is kept, in (0, 1).
        least_audit_probability: Floor of the audit probability of any request, in (0, 1]. Where
            all requests have the same, it is that one.
    """

    alpha: float
    delta: float
    least_audit_probability: float

    def __post_init__(self) -> None:
        inside = 0 < self.alpha < 1 and 0 < self.delta < 1 and 0 < self.least_audit_probability <= 1
        if not inside:
            raise DataError(
                f"given alpha = {self.alpha}, delta = {self.delta}, least audit probability = "
                f"{self.least_audit_probability}: all lie above 0, alpha and delta below 1, the "
                "probability at most 1"
            )


@dataclass(frozen=True, slots=True, eq=False)
class MonitorState:
    """All that is known after some audits; a few kilobytes, whatever their number.

    Attributes:
        plan: What is watched.
        audits: Requests that won the lottery and were reported.
        weight: Sum of the audits' weights, each ``least_audit_probability / probability``.
        weighted_loss: Sum of weight times loss.
        wealth: (1 + levels, 1 + shares) wealth of the bets against alpha and against ``LEVELS``.
        greatest_evidence: Greatest wealth so far against alpha; at 1 / delta the promise falls.
        lower_bound: Greatest level rejected so far: with probability 1 - delta, at all times at
            once, some request's expected loss was above it. 0 when nothing is rejected.
    """

    plan: MonitorPlan
    audits: int
    weight: float
    weighted_loss: float
    wealth: FloatArray
    greatest_evidence: float
    lower_bound: float

    @property
    def rejected(self) -> bool:
        """Whether the promise is found broken. Once true it stays so."""
        return self.greatest_evidence >= 1 / self.plan.delta

    @property
    def mean_loss(self) -> float:
        """Weighted mean loss of the audits; NaN before the first."""
        return self.weighted_loss / self.weight if self.audits else math.nan

    @property
    def p_value(self) -> float:
        """Anytime-valid p-value of "the promise is kept", in (0, 1]."""
        return 1 / self.greatest_evidence


def start_monitor(plan: MonitorPlan) -> MonitorState:
    """Return the state before the first audit, after calibration or recalibration."""
    wealth = initial_wealth((1 + LEVELS.size,))
    return MonitorState(plan, 0, 0.0, 0.0, wealth, 1.0, 0.0)


def observe(state: MonitorState, loss: float, audit_probability: float) -> MonitorState:
    """Return the state after one more audited request.

    The bet is scaled by the floor divided by the request's own probability, so requests that are
    audited more often count less, and the mean tested is over all requests of the lottery.

    Args:
        state: The state before.
        loss: Its realised loss in [0, 1]; 0 where the top tier answered.
        audit_probability: Of this request, in [least_audit_probability, 1], known before the draw.

    Raises:
        DataError: the loss or the probability is outside its range.
    """
    floor = state.plan.least_audit_probability
    if not 0 <= loss <= 1 or not floor <= audit_probability <= 1:
        raise DataError(
            f"given loss {loss} and audit probability {audit_probability}: a loss lies in [0, 1], "
            f"and the plan promises that every request is audited with probability {floor} to 1"
        )
    weight = floor / audit_probability
    levels = np.concatenate(([state.plan.alpha], LEVELS))
    wealth = after_loss(
        state.wealth, state.audits, np.full(levels.size, loss), np.full(levels.size, weight), levels
    )
    evidence = total(wealth)
    # Wealth falls as the level rises, so the rejected levels are the first ones.
    beaten = LEVELS[evidence[1:] >= 1 / state.plan.delta]
    return replace(
        state,
        audits=state.audits + 1,
        weight=state.weight + weight,
        weighted_loss=state.weighted_loss + weight * loss,
        wealth=wealth,
        greatest_evidence=max(state.greatest_evidence, float(evidence[0])),
        lower_bound=max(state.lower_bound, float(beaten.max(initial=0.0))),
    )
