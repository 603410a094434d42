"""The promotion gate on your own traffic: a candidate must not earn less than what served.

Optional, beside ``training.gate``: judged from a server's decision log with exploration and its
recorded outcomes, by the doubly robust estimate (``eval.ope``). The gain over the policy that
logged is paired by request, and its pessimistic end decides.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.bootstrap import Interval
from eval.json_lines import numbered_lines
from eval.ope.candidate import artifact_choices_recorded
from eval.ope.dr import dr
from eval.ope.interval import asymptotic_interval
from eval.ope.join import join_outcomes, read_outcome_store
from eval.ope.read import parse_log
from eval.ope.support import importance_weights, overlap
from eval.ope.terms import Terms
from router.errors import TrainingError

QUALITY_MARGIN = 0.02
FEWEST_EFFECTIVE = 75.0
"""Below this the simulation of docs/off-policy.md shows intervals that are too short."""


@dataclass(frozen=True, slots=True)
class TrafficVerdict:
    """What the log says of a candidate.

    Attributes:
        promoted: Whether it may replace what served.
        quality_gain: Candidate minus the policy that logged, above 0 is better.
        decisions: Logged decisions with an outcome.
        effective_size: Effective number of them for this candidate.
    """

    promoted: bool
    quality_gain: Interval
    decisions: int
    effective_size: float

    def sentence(self) -> str:
        """Say it in words."""
        gain = self.quality_gain
        return (
            f"{'passed' if self.promoted else 'NOT passed'} on traffic: quality against the policy "
            f"that logged {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] (no worse than "
            f"-{QUALITY_MARGIN} wanted) by {self.decisions} decisions, {self.effective_size:.0f} "
            f"effective ones (at least {FEWEST_EFFECTIVE:.0f} wanted)"
        )


def traffic_gate(artifact: Path, catalog: Path, log: Path, outcomes: Path) -> TrafficVerdict:
    """Judge an artifact by a decision log and its outcomes.

    Args:
        artifact: Candidate; its encoder must be the log's.
        catalog: Catalog file with the log's tiers.
        log: Decision log of a server that explored.
        outcomes: Store of that server.

    Raises:
        TrainingError: the log holds no recorded inputs or predictions.
        DataError: the log is refused, or has no support for the candidate.
    """
    file = parse_log(log, join_outcomes(numbered_lines(log), read_outcome_store(outcomes)).lines)
    predicted = file.log.predicted_reward
    if not file.inputs or predicted is None:
        raise TrainingError(
            f"{log}: lines lack 'vector' or 'predicted_reward', so no candidate can be judged by "
            "it: give a server's decision log",
            reason="LOG_WITHOUT_INPUTS",
        )
    candidate = artifact_choices_recorded(file.inputs, file.log.actions, artifact, catalog)
    weights = importance_weights(file.log, candidate)
    terms = dr(weights, file.log.reward, predicted, file.log.taken(predicted), candidate)
    paired = Terms(terms.numerator - file.log.reward, np.ones_like(weights))
    gain = asymptotic_interval(paired, file.log.clusters)
    size = overlap(weights).effective_size
    return TrafficVerdict(
        promoted=gain.low >= -QUALITY_MARGIN and size >= FEWEST_EFFECTIVE,
        quality_gain=gain,
        decisions=len(weights),
        effective_size=size,
    )
