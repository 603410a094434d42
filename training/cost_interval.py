"""How often a cost stays below its P50 and P95, on prompts the artifact has not seen.

``python -m training.cost_interval``: quantiles of the output length are fitted on the validation
part, as ``make train`` does it for the artifact's own heads, and measured on the held-out part:
calibrated ones beside those derived from the upper length alone. A cost is its deployment's price
of recorded input and output tokens; its P95 is the price of the same input and the quantile, cut at
the deployment's output limit as in an answer.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.arrays import BoolArray, FloatArray
from eval.bootstrap import resample_weights
from eval.cells import with_interval
from eval.figures import interval
from eval.outcomes import OutcomeTable
from eval.split import PARTS, assign_split
from eval.tables import aligned
from router.catalog import Catalog, load_catalog
from router.cost.estimate import expected_cost_usd
from router.defaults import default_artifact_directory
from router.predict.artifact import Artifact, load_artifact
from router.predict.length_bounds import LengthBounds
from router.types import Deployment
from training.length_bounds import BANDS, QUANTILES, counted_lengths, fit_length_bounds
from training.length_options import length_parser, print_or_refuse, tier_outcomes
from training.settings import FRACTIONS

_DRAWS = 2000


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when done, 1 when artifact or data are refused."""
    parser = length_parser("training.cost_interval", __doc__)
    parser.add_argument("--artifact", type=Path, default=default_artifact_directory())
    arguments = parser.parse_args(argv)

    def table() -> str:
        artifact, catalog = load_artifact(arguments.artifact), load_catalog(arguments.catalog)
        _, tiers = tier_outcomes(arguments.data, catalog)
        return interval_table(artifact, catalog, tiers, arguments.seed)

    return print_or_refuse(table)


def interval_table(artifact: Artifact, catalog: Catalog, tiers: OutcomeTable, seed: int) -> str:
    """Return the table; only prompts with counted lengths are fitted to and measured.

    Args:
        artifact: Its split says which prompts it has not seen.
        catalog: With a priced deployment of every tier.
        tiers: Outcomes, columns in the catalog's order of tiers.
        seed: Of the intervals.

    Raises:
        DataError: the vectors are of another encoder.
        TrainingError: too few lengths were counted.
    """
    part = assign_split(tiers.group, artifact.manifest.split_seed, FRACTIONS)
    recorded = counted_lengths(tiers)
    _, expected = artifact.heads.run(tiers.vectors, tiers.features)
    fitted = part == PARTS[1]
    bounds = fit_length_bounds(expected[fitted], recorded[fitted], catalog.tier_names)
    kinds = {"derived": replace(bounds, quantiles=()), "calibrated": bounds}
    head = ["tier", "quantile", "kind", "prompts", "below it"]
    rows = [[*head, *(f"band {band + 1}" for band in range(BANDS)), "mean cost / P95"]]
    every: dict[tuple[float, str], list[BoolArray]] = {}
    held_out = (part == PARTS[2]) & np.isfinite(recorded).all(axis=1)
    weights = resample_weights(tiers.group[held_out], _DRAWS, seed)
    for at, tier in enumerate(catalog.tiers):
        item = next(
            one for one in catalog.deployments if one.tier == tier.name and one.price is not None
        )
        said, inputs = expected[held_out, at], tiers.input_tokens[held_out]
        cost = _costs(item, inputs, recorded[held_out, at])
        band = np.searchsorted(bounds.edges[at], said, side="right")
        for probability in QUANTILES:
            for kind, one in kinds.items():
                upper = _costs(item, inputs, _lengths(one, at, said, probability))
                below = cost <= upper * (1.0 + 1e-12)
                every.setdefault((probability, kind), []).append(below)
                rows.append(
                    [
                        *_cells(tier.name, probability, kind, below, weights),
                        *(f"{below[band == one].mean():.3f}" for one in range(BANDS)),
                        f"{cost.mean() / upper.mean():.2f}",
                    ]
                )
    for (probability, kind), parts in every.items():
        together = np.mean(parts, axis=0)
        rows.append([*_cells("all", probability, kind, together, weights), *[""] * BANDS, ""])
    return aligned(rows)


def _cells(
    tier: str, probability: float, kind: str, below: BoolArray | FloatArray, weights: FloatArray
) -> list[str]:
    values = below.astype(np.float64)
    samples = np.concatenate([[values.mean()], weights @ values])
    return [
        tier,
        f"P{probability:.0%}"[:-1],
        kind,
        str(values.size),
        with_interval(interval(samples)),
    ]


def _lengths(
    bounds: LengthBounds, tier: int, expected: FloatArray, probability: float
) -> FloatArray:
    return np.array([bounds.quantile(tier, one, probability) for one in expected.tolist()])


def _costs(item: Deployment, inputs: FloatArray, outputs: FloatArray) -> FloatArray:
    """Return USD of calls (n,), outputs cut at what the deployment writes."""
    assert item.price is not None  # noqa: S101  # chosen for having one
    limit = item.capabilities.max_output_tokens
    return np.array(
        [
            expected_cost_usd(item.price, tokens_in, min(tokens_out, limit))
            for tokens_in, tokens_out in zip(inputs.tolist(), outputs.tolist(), strict=True)
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
