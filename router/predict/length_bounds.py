"""Upper output lengths: per tier a factor on expected output tokens, by band of expected length.

Beside the upper length there may be other quantiles, each calibrated like it, for the interval of a
cost.

Here is the record, how it is applied, and how it is kept in ``manifest.json``. Fitting it is
``training.length_bounds``.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

from router.errors import ArtifactError

_NORMAL = NormalDist()


class LengthQuantile(NamedTuple):
    """Factors of a calibrated quantile, by the bands of the bounds they stand beside.

    Attributes:
        probability: Share of answers that stay at or below it, in (0, 1).
        factors: Per tier and band, > 0, of 1 + tokens as length heads count them.
    """

    probability: float
    factors: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class LengthBounds:
    """Bounds for T tiers; a tier has one band more than it has edges.

    Attributes:
        coverage: Share of answers that stay at or below the bound, in (0, 1).
        edges: Per tier, rising expected tokens; at or above edge b begins band b + 1.
        factors: Per tier and band, >= 1, of 1 + tokens as length heads count them.
        quantiles: Calibrated ones; empty for artifacts that were trained before there were any.
    """

    coverage: float
    edges: tuple[tuple[float, ...], ...]
    factors: tuple[tuple[float, ...], ...]
    quantiles: tuple[LengthQuantile, ...] = ()

    def upper(self, tier: int, expected: float) -> float:
        """Return the bound in output tokens for expected ones (>= 0); never below these."""
        factor = self.factors[tier][bisect_right(self.edges[tier], expected)]
        return (1.0 + expected) * factor - 1.0

    def quantile(self, tier: int, expected: float, probability: float) -> float:
        """Return output tokens that an answer stays below with a probability, in (0, 1).

        Calibrated where there is such a quantile. Else derived: lengths are taken for log-normal,
        with the expected length as their mean and the bound as their quantile at ``coverage``; no
        log-normal has a factor above exp(z^2 / 2), so more counts as that. How far either holds is
        docs/prices.md.
        """
        band = bisect_right(self.edges[tier], expected)
        for known in self.quantiles:
            if known.probability == probability:
                return max((1.0 + expected) * known.factors[tier][band] - 1.0, 0.0)
        log_factor = math.log(self.factors[tier][band])
        z = _NORMAL.inv_cdf(self.coverage)
        # The mean of a log-normal is exp(mu + sigma^2 / 2), so log_factor = z sigma - sigma^2 / 2.
        sigma = z - math.sqrt(max(z * z - 2.0 * log_factor, 0.0))
        shift = _NORMAL.inv_cdf(probability) * sigma - sigma * sigma / 2.0
        tokens = max((1.0 + expected) * math.exp(shift) - 1.0, 0.0)
        return tokens if probability < self.coverage else max(tokens, self.upper(tier, expected))


def length_bounds_to_json(bounds: LengthBounds) -> dict[str, Any]:
    """Return the manifest's ``length_bounds``."""
    content: dict[str, Any] = {
        "coverage": bounds.coverage,
        "edges": [list(edges) for edges in bounds.edges],
        "factors": [list(factors) for factors in bounds.factors],
    }
    if bounds.quantiles:
        content["quantiles"] = [
            {"probability": one.probability, "factors": [list(row) for row in one.factors]}
            for one in bounds.quantiles
        ]
    return content


def length_bounds_from_json(content: Any, tiers: int, path: Path) -> LengthBounds:
    """Check the manifest's ``length_bounds``.

    Args:
        content: What stands there.
        tiers: Number of tiers the artifact predicts for.
        path: The manifest, for messages.

    Raises:
        ArtifactError: a part is missing, of a wrong type or out of range, or for other tiers.
    """
    try:
        bounds = LengthBounds(
            float(content["coverage"]),
            _rows(content["edges"]),
            _rows(content["factors"]),
            tuple(
                LengthQuantile(float(one["probability"]), _rows(one["factors"]))
                for one in content.get("quantiles", ())
            ),
        )
        _check(bounds, tiers)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{path}: 'length_bounds' does not fit this artifact ({error!r}); train again with "
            "'make train'",
            reason="ARTIFACT_LENGTH_BOUNDS",
            metadata={"file": str(path)},
        ) from error
    return bounds


def _rows(content: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in content)


def _check(bounds: LengthBounds, tiers: int) -> None:
    if not 0.0 < bounds.coverage < 1.0:
        raise ValueError(f"coverage {bounds.coverage} must lie between 0 and 1")
    if (len(bounds.edges), len(bounds.factors)) != (tiers, tiers):
        raise ValueError(f"bounds of {len(bounds.factors)} tiers, {tiers} are predicted for")
    for edges, factors in zip(bounds.edges, bounds.factors, strict=True):
        if len(factors) != len(edges) + 1:
            raise ValueError(f"{len(edges)} edges need {len(edges) + 1} factors")
        if not (_finite(edges) and list(edges) == sorted(edges)):
            raise ValueError("edges must be finite and rise")
        if not (_finite(factors) and min(factors) >= 1.0):
            raise ValueError("factors must be finite and at least 1")
    for one in bounds.quantiles:
        if not 0.0 < one.probability < 1.0:
            raise ValueError(f"quantile {one.probability} must lie between 0 and 1")
        if [len(row) for row in one.factors] != [len(row) for row in bounds.factors]:
            raise ValueError("a quantile needs a factor for every band of every tier")
        if not all(_finite(row) and min(row) > 0.0 for row in one.factors):
            raise ValueError("factors of a quantile must be finite and above 0")


def _finite(values: Sequence[float]) -> bool:
    return all(map(math.isfinite, values))
