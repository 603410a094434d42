"""Calibrated quantiles of output tokens per tier, the upper one first: expected tokens x a factor.

The factor depends on how long an answer is expected to be: expected lengths are cut into bands, and
each band has the factor that covered the wanted share of its calibration prompts (split conformal
prediction within groups: Vovk 2012, "Conditional validity of inductive conformal predictors"). So
the bound covers that share of new prompts of each band, on traffic like the calibration prompts,
whatever the length heads are. It says nothing of a single task: docs/training.md has the figures.

The record and how serving applies it are ``router.predict.length_bounds``.
"""

import numpy as np

from eval.arrays import BoolArray, FloatArray
from eval.outcomes import OutcomeTable
from router.errors import TrainingError
from router.predict.length_bounds import LengthBounds, LengthQuantile

COVERAGE = 0.9
QUANTILES = (0.5, 0.95)
"""For the interval of a cost: its middle, and what 95 % of answers stay below."""
BANDS = 4
FEWEST_PER_BAND = 30
ESTIMATED = "output_tokens_estimated"
TOO_FEW = "TOO_FEW_LENGTHS"
_EDGE_DIGITS, _FACTOR_DIGITS = 3, 6


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
    that probability; it is at least 1, so that no bound is below what is expected. ``QUANTILES``
    are fitted like it but for that, and kept in order with it.

    Args:
        expected: (n, T) output tokens the heads expect.
        recorded: (n, T) output tokens counted, NaN where unknown; see ``counted_lengths``.
        tiers: Names, for messages.
        coverage: In (0, 1).
        bands: At least 1.

    Raises:
        TrainingError: a tier has fewer than ``FEWEST_PER_BAND`` counted lengths a band, or so few
            that the coverage cannot be had; its reason is ``TOO_FEW`` then.
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
    edges, factors, *others = zip(*fitted, strict=True)
    quantiles = (
        LengthQuantile(probability, tuple(rows))
        for probability, rows in zip(QUANTILES, others, strict=True)
    )
    return LengthBounds(coverage, edges, factors, tuple(quantiles))


def upper_lengths(bounds: LengthBounds, expected: FloatArray) -> FloatArray:
    """Return the bounds of many prompts, float64 (n, T), from expected tokens (n, T)."""
    columns = [
        (1.0 + one) * np.asarray(factors)[np.searchsorted(edges, one, side="right")] - 1.0
        for one, edges, factors in zip(expected.T, bounds.edges, bounds.factors, strict=True)
    ]
    return np.column_stack(columns)


def _fit_tier(
    expected: FloatArray, recorded: FloatArray, tier: str, coverage: float, bands: int
) -> tuple[tuple[float, ...], ...]:
    """Return edges, the factors of the bound, and those of every quantile."""
    known = ~np.isnan(recorded)
    needed = max(FEWEST_PER_BAND, int(np.ceil(coverage / (1.0 - coverage)))) * bands
    if known.sum() < needed:
        raise TrainingError(
            f"tier {tier!r}: {int(known.sum())} counted output lengths, at least {needed} are "
            f"needed for {bands} bands at coverage {coverage:g}: add output_tokens to the data",
            reason=TOO_FEW,
        )
    said = expected[known]
    ratios = (1.0 + recorded[known]) / (1.0 + said)
    # What is written is rounded, so bands and factors are found with rounded numbers.
    edges = np.quantile(said, np.arange(1, bands) / bands).round(_EDGE_DIGITS)
    band = np.searchsorted(edges, said, side="right")
    counts = np.bincount(band, minlength=bands)
    # Equal expectations can leave a band with too few prompts: it takes the factor of all.
    few = needed // bands
    parts = [ratios[band == one] if counts[one] >= few else ratios for one in range(bands)]
    factors = tuple(max(1.0, _factor(part, coverage)) for part in parts)
    quantiles = (
        tuple(
            max(known, factor) if probability >= coverage else min(known, factor)
            for known, factor in zip(
                (_factor(part, probability) for part in parts), factors, strict=True
            )
        )
        for probability in QUANTILES
    )
    return (tuple(edges.tolist()), factors, *quantiles)


def _factor(ratios: FloatArray, coverage: float) -> float:
    rank = min(int(np.ceil((len(ratios) + 1) * coverage)), len(ratios))
    scale = 10.0**_FACTOR_DIGITS
    quantile = np.ceil(np.sort(ratios)[rank - 1] * scale) / scale
    return round(float(quantile), _FACTOR_DIGITS)


def counted_lengths(table: OutcomeTable) -> FloatArray:
    """Return output tokens, float64 (n, m), NaN where unknown or only estimated.

    Estimated lengths are one mean for many prompts: they have no spread of their own, and bounds
    fitted to them are too narrow.
    """
    estimated: BoolArray = np.array([ESTIMATED in flags.split("|") for flags in table.flags])
    lengths = table.output_tokens.astype(np.float64)
    lengths[estimated] = np.nan
    return lengths
