"""The promotion gate: a new artifact replaces the champion only if it is shown not to be worse.

Both are replayed on the same held-out prompts. Two figures must not be worse by more than a
margin, at the pessimistic end of a paired 95 % interval by prompt: AIQ of the trade-off frontier
(quality) and the mean Brier score of adequacy (calibration and sharpness together).
"""

from dataclasses import dataclass

import numpy as np

from eval.bootstrap import DRAWS, Interval, resample_weights
from eval.evaluate import split_held_out
from eval.figures import figures, interval, resamples
from eval.outcomes import OutcomeTable
from eval.recorded import recorded_outcomes
from eval.replay import replay
from router.engine import Engine
from router.errors import TrainingError

AIQ_MARGIN = 0.005
BRIER_MARGIN = 0.005


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found.

    Attributes:
        promoted: Whether the candidate may replace the champion.
        champion_version: Version it was compared with.
        aiq_gain: Candidate minus champion, above 0 is better.
        brier_gain: Champion minus candidate, above 0 is better.
        prompts: Held-out prompts both were replayed on.
    """

    promoted: bool
    champion_version: str
    aiq_gain: Interval
    brier_gain: Interval
    prompts: int

    def sentence(self) -> str:
        """Say it in words."""
        verdict = "promoted" if self.promoted else "NOT promoted"
        return (
            f"{verdict}: against champion {self.champion_version} on {self.prompts} held-out "
            f"prompts, AIQ {_signed(self.aiq_gain)} (no worse than -{AIQ_MARGIN} wanted), Brier "
            f"improvement {_signed(self.brier_gain)} (no worse than -{BRIER_MARGIN} wanted)"
        )


def promotion_gate(
    candidate: Engine, champion: Engine, table: OutcomeTable, *, seed: int, draws: int = DRAWS
) -> Verdict:
    """Compare two engines on the candidate's held-out prompts of ``table``.

    Raises:
        TrainingError: they cannot be compared, because their encoders or tiers differ.
    """
    ours, theirs = candidate.artifact, champion.artifact
    if ours.manifest.encoder_sha256 != theirs.manifest.encoder_sha256:
        raise TrainingError(
            f"the champion {theirs.version} has another encoder, so recorded vectors cannot be "
            "replayed through both: compare on texts yourself, then train with --no-champion",
            reason="CHAMPION_INCOMPARABLE",
        )
    held_out = split_held_out(candidate, table).test
    recorded = recorded_outcomes(held_out, candidate.catalog)
    weights = resample_weights(held_out.group, draws, seed)
    drawn = resamples(recorded, weights)
    adequate = (recorded.quality >= candidate.catalog.adequate_quality).astype(np.float64)
    areas, briers = [], []
    for engine in (candidate, champion):
        replayed = replay(engine, held_out, recorded)
        areas.append(figures(replayed.trade_off, drawn).aiq)
        briers.append(drawn.weights @ ((replayed.adequacy - adequate) ** 2).mean(axis=1))
    aiq_gain = interval(areas[0] - areas[1])
    brier_gain = interval(briers[1] - briers[0])
    return Verdict(
        promoted=aiq_gain.low >= -AIQ_MARGIN and brier_gain.low >= -BRIER_MARGIN,
        champion_version=theirs.version,
        aiq_gain=aiq_gain,
        brier_gain=brier_gain,
        prompts=len(held_out),
    )


def _signed(value: Interval) -> str:
    return f"{value.value:+.4f} [{value.low:+.4f}, {value.high:+.4f}]"
