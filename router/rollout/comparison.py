"""What a second artifact decided differently from the one in force, on the same requests.

Costs and adequacies are predictions, so every difference is stated twice: as the artifact in force
predicts, and as the shadow does. Which of them is right, outcomes must say. Running the shadow is
``shadow``.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from router.errors import RouterError
from router.rollout.tally import Interval, Mean, share
from router.types import Decision, Estimate


@dataclass(frozen=True, slots=True)
class Compared:
    """Counts and differences so far; every difference is the shadow's minus the one in force.

    Attributes:
        requests: Requests both decided.
        same_tier: Share of them on which both chose the same tier.
        same_deployment: Share on which both chose the same deployment.
        cost_usd: Expected cost of the choices, both as the artifact in force predicts.
        cost_usd_by_shadow: The same, both as the shadow predicts.
        adequacy: Adequacy of the choices, both as the artifact in force predicts.
        adequacy_by_shadow: The same, both as the shadow predicts.
        tier_adequacy: By tier, adequacy of that tier as each artifact predicts it.
        moves: How often (tier in force, tier of the shadow) were chosen.
        failures: Requests the shadow could not decide, by reason.
    """

    requests: int
    same_tier: Interval
    same_deployment: Interval
    cost_usd: Interval
    cost_usd_by_shadow: Interval
    adequacy: Interval
    adequacy_by_shadow: Interval
    tier_adequacy: Mapping[str, Interval]
    moves: Mapping[tuple[str, str], int]
    failures: Mapping[str, int]


class Comparison:
    """Takes in pairs of decisions; may be read from another thread meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = self._same_tier = self._same_deployment = 0
        self._cost, self._cost_by_shadow = Mean(), Mean()
        self._adequacy, self._adequacy_by_shadow = Mean(), Mean()
        self._tier_adequacy: dict[str, Mean] = {}
        self._moves: Counter[tuple[str, str]] = Counter()
        self._failures: Counter[str] = Counter()

    def add(self, made: Decision, shadow: Decision) -> None:
        """Take in what both decided on one request, over the same catalog.

        Args:
            made: By the artifact in force, not explored.
            shadow: By the other one.
        """
        tier, other = made.chosen.deployment.tier, shadow.chosen.deployment.tier
        same = made.chosen.deployment.id == shadow.chosen.deployment.id
        # The same request, priced by both: what each choice costs in the eyes of each.
        shadows_choice = _of(made, shadow.chosen)
        our_choice = _of(shadow, made.chosen)
        with self._lock:
            self._requests += 1
            self._same_tier += tier == other
            self._same_deployment += same
            self._moves[tier, other] += 1
            self._cost.add(shadows_choice.expected_cost_usd - made.chosen.expected_cost_usd)
            self._cost_by_shadow.add(shadow.chosen.expected_cost_usd - our_choice.expected_cost_usd)
            self._adequacy.add(shadows_choice.adequacy - made.chosen.adequacy)
            self._adequacy_by_shadow.add(shadow.chosen.adequacy - our_choice.adequacy)
            for name, difference in _tier_differences(made, shadow).items():
                self._tier_adequacy.setdefault(name, Mean()).add(difference)

    def add_failure(self, error: RouterError) -> None:
        """Take in that the shadow could not decide a request the artifact in force decided."""
        with self._lock:
            self._failures[error.reason] += 1

    def so_far(self) -> Compared:
        """Return what was counted until now."""
        with self._lock:
            n = self._requests
            return Compared(
                requests=n,
                same_tier=share(self._same_tier, n),
                same_deployment=share(self._same_deployment, n),
                cost_usd=self._cost.interval(),
                cost_usd_by_shadow=self._cost_by_shadow.interval(),
                adequacy=self._adequacy.interval(),
                adequacy_by_shadow=self._adequacy_by_shadow.interval(),
                tier_adequacy={name: mean.interval() for name, mean in self._tier_adequacy.items()},
                moves=dict(self._moves),
                failures=dict(self._failures),
            )


def _of(decision: Decision, choice: Estimate) -> Estimate:
    """Return a decision's own estimate of the deployment another decision chose."""
    wanted = choice.deployment.id
    return next(one for one in decision.estimates if one.deployment.id == wanted)


def _tier_differences(made: Decision, shadow: Decision) -> dict[str, float]:
    return {
        ours.deployment.tier: theirs.adequacy - ours.adequacy
        for ours, theirs in zip(made.estimates, shadow.estimates, strict=True)
    }
