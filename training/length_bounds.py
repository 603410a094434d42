"""A calibrated upper quantile of output tokens per tier: expected tokens times a factor.

The factor depends on how long an answer is expected to be: expected lengths are cut into bands, and
each band has the factor that covered the wanted share of its calibration prompts (split conformal
prediction within groups: Vovk 2012, "Conditional validity of inductive conformal predictors"). So
the bound covers that share of new prompts of each band, on traffic like the calibration prompts,
whatever the length heads are. It says nothing of a single task: docs/onboarding.md has the figures.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray
from eval.outcomes import OutcomeTable
from router.errors import TrainingError

COVERAGE = 0.9
BANDS = 4
FEWEST_PER_BAND = 30
ESTIMATED = "output_tokens_estimated"


@dataclass(frozen=True, slots=True)
class LengthBounds:
    """Upper bounds for T tiers; a tier has B bands.

    Attributes:
        coverage: Share of answers that stay at or below the bound, in (0, 1).
        edges: float64 (T, B - 1), rising; expected tokens at or above edge b are in band b + 1.
        factors: float64 (T, B), > 0.
        counts: int64 (T, B), calibration prompts behind each factor.
    """

    coverage: float
    edges: FloatArray
    factors: FloatArray
    counts: IntArray

    def upper(self, expected: FloatArray) -> FloatArray:
        """Return the upper bound of output tokens, float64 (n, T), from expected ones (n, T)."""
        bands = (expected[:, :, None] >= self.edges).sum(axis=2)
        factors = self.factors[np.arange(expected.shape[1]), bands]
        return upper_tokens(expected, factors)


def upper_tokens(expected: FloatArray, factors: FloatArray) -> FloatArray:
    """Return (1 + expected) * factor - 1, at least 0: factors act on 1 + tokens, as heads do."""
    upper: FloatArray = np.maximum((1.0 + expected) * factors - 1.0, 0.0)
    return upper


def fit_length_bounds(
    expected: FloatArray,
    recorded: FloatArray,
    tiers: tuple[str, ...],
    *,
    coverage: float = COVERAGE,
    bands: int = BANDS,
) -> LengthBounds:
    """Fit bands and factors on prompts the length heads were not fitted to.

    Bands hold equally many calibration prompts. A factor is the quantile at
    ceil((m + 1) * coverage) of the m ratios in its band, so a new prompt is covered with at least
    that probability.

    Args:
        expected: (n, T) output tokens the heads expect.
        recorded: (n, T) output tokens counted, NaN where unknown; see ``counted_lengths``.
        tiers: Names, for messages.
        coverage: In (0, 1).
        bands: At least 1.

    Raises:
        TrainingError: a tier has fewer than ``FEWEST_PER_BAND`` counted lengths a band, or so few
            that the coverage cannot be had.
    """
    if not 0.0 < coverage < 1.0 or bands < 1:
        raise TrainingError(
            f"coverage {coverage} and {bands} bands given; coverage must lie between 0 and 1, and "
            "there must be at least 1 band"
        )
    fitted = [
        _fit_tier(expected[:, at], recorded[:, at], tier, coverage, bands)
        for at, tier in enumerate(tiers)
    ]
    edges, factors, counts = (np.stack(part) for part in zip(*fitted, strict=True))
    return LengthBounds(coverage, edges, factors, counts)


def _fit_tier(
    expected: FloatArray, recorded: FloatArray, tier: str, coverage: float, bands: int
) -> tuple[FloatArray, FloatArray, IntArray]:
    known = ~np.isnan(recorded)
    needed = max(FEWEST_PER_BAND, int(np.ceil(coverage / (1.0 - coverage)))) * bands
    if known.sum() < needed:
        raise TrainingError(
            f"tier {tier!r}: {int(known.sum())} counted output lengths, at least {needed} are "
            f"needed for {bands} bands at coverage {coverage:g}: add output_tokens to the data",
            reason="TOO_FEW_LENGTHS",
        )
    said = expected[known]
    ratios = (1.0 + recorded[known]) / (1.0 + said)
    edges = np.quantile(said, np.arange(1, bands) / bands)
    band = (said[:, None] >= edges).sum(axis=1)
    counts = np.bincount(band, minlength=bands)
    factors = np.array([_quantile(ratios[band == one], coverage) for one in range(bands)])
    # Equal expectations can leave a band with too few prompts: it takes the factor of all.
    too_few = counts < needed // bands
    factors[too_few] = _quantile(ratios, coverage)
    return edges, factors, counts


def _quantile(ratios: FloatArray, coverage: float) -> float:
    if not len(ratios):
        return float("nan")
    rank = int(np.ceil((len(ratios) + 1) * coverage))
    return float(np.sort(ratios)[min(rank, len(ratios)) - 1])


def counted_lengths(table: OutcomeTable) -> FloatArray:
    """Return output tokens, float64 (n, m), NaN where unknown or only estimated.

    Estimated lengths are one mean for many prompts: they have no spread of their own, and bounds
    fitted to them are too narrow.
    """
    estimated: BoolArray = np.array([ESTIMATED in flags.split("|") for flags in table.flags])
    lengths = table.output_tokens.astype(np.float64)
    lengths[estimated] = np.nan
    return lengths
