"""All estimates of one candidate from one log: quality and cost, each with two intervals."""

from dataclasses import dataclass
from typing import Literal

from eval.arrays import FloatArray
from eval.bootstrap import Interval
from eval.ope.dr import dr
from eval.ope.interval import asymptotic_interval, bootstrap_interval
from eval.ope.ips import ips
from eval.ope.log import LoggedDecisions
from eval.ope.snips import snips
from eval.ope.support import Overlap, importance_weights, overlap
from eval.ope.terms import Terms

Estimator = Literal["ips", "snips", "dr"]
Target = Literal["quality", "cost_usd"]
BOOTSTRAP_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimator's answer to one question.

    Attributes:
        target: What is estimated.
        estimator: By which estimator.
        asymptotic: Value with the asymptotic 95 % interval.
        bootstrap: The same value with the cluster bootstrap's.
    """

    target: Target
    estimator: Estimator
    asymptotic: Interval
    bootstrap: Interval


@dataclass(frozen=True, slots=True)
class OffPolicyReport:
    """Everything a log says of a candidate.

    Attributes:
        decisions: Logged decisions.
        logged_quality: Mean reward of the policy that logged.
        logged_cost_usd: Its mean cost.
        overlap: Of the candidate with the log.
        estimates: For each target ``ips``, ``snips`` and, where the log holds predictions, ``dr``.
    """

    decisions: int
    logged_quality: float
    logged_cost_usd: float
    overlap: Overlap
    estimates: tuple[Estimate, ...]

    def of(self, target: Target, estimator: Estimator) -> Estimate | None:
        """Return one estimate; None where the log allows no such estimator."""
        found = [e for e in self.estimates if (e.target, e.estimator) == (target, estimator)]
        return found[0] if found else None


def off_policy_report(
    log: LoggedDecisions, candidate: FloatArray, *, draws: int = BOOTSTRAP_DRAWS, seed: int = 0
) -> OffPolicyReport:
    """Estimate a candidate's mean quality and cost.

    Args:
        log: n decisions among k actions.
        candidate: (n, k) the candidate's probabilities, chosen without looking at the rewards.
        draws: Resamples of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        DataError: no support for the candidate, or fewer than two clusters.
    """
    weights = importance_weights(log, candidate)
    estimates: list[Estimate] = []
    questions: tuple[tuple[Target, FloatArray, FloatArray | None], ...] = (
        ("quality", log.reward, log.predicted_reward),
        ("cost_usd", log.cost_usd, log.predicted_cost_usd),
    )
    for target, outcome, predicted in questions:
        terms: dict[Estimator, Terms] = {
            "ips": ips(weights, outcome),
            "snips": snips(weights, outcome),
        }
        if predicted is not None:
            terms["dr"] = dr(weights, outcome, predicted, log.taken(predicted), candidate)
        estimates += [
            Estimate(
                target,
                name,
                asymptotic_interval(one, log.clusters),
                bootstrap_interval(one, log.clusters, draws, seed),
            )
            for name, one in terms.items()
        ]
    return OffPolicyReport(
        decisions=len(weights),
        logged_quality=float(log.reward.mean()),
        logged_cost_usd=float(log.cost_usd.mean()),
        overlap=overlap(weights),
        estimates=tuple(estimates),
    )
