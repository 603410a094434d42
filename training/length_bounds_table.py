"""How well bounds of output length hold on prompts nobody saw.

``python -m training.length_bounds_table``: coverage per tier, task and band of expected length, for
bounds of one factor, of a factor per band (what ``training.length_bounds`` ships), and for a
quantile booster with a factor on top. Length heads, bounds and measuring each have prompts of their
own. About two minutes on one core.
"""

import sys
import warnings
from collections.abc import Sequence

import lightgbm as lgb
import numpy as np

from eval.arrays import BoolArray, FloatArray
from eval.bootstrap import resample_weights
from eval.cells import with_interval
from eval.figures import interval
from eval.outcomes import OutcomeTable
from eval.split import PARTS, assign_split
from eval.tables import aligned
from router.catalog import Catalog, load_catalog
from training.length_bounds import (
    BANDS,
    COVERAGE,
    counted_lengths,
    fit_length_bounds,
    upper_lengths,
)
from training.length_options import length_parser, print_or_refuse, tier_outcomes
from training.settings import Settings
from training.unseen import Unseen, inner_parts, unseen_heads

FOLDS = 3
_HALVES = (0.5, 0.5, 0.0)
_ROUNDS = 60
_DRAWS = 400
_BOOSTER = {
    "objective": "quantile", "alpha": COVERAGE, "learning_rate": 0.1, "num_leaves": 15,
    "min_data_in_leaf": 40, "feature_fraction": 0.4, "bagging_fraction": 0.7, "bagging_freq": 1,
    "lambda_l2": 5.0, "max_bin": 127, "deterministic": True, "force_row_wise": True,
    "num_threads": 1, "verbose": -1,
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Fit, measure and print; 0 when done, 1 when the data are refused."""
    parser = length_parser("training.length_bounds_table", __doc__)
    parser.add_argument("--candidate", default="lightgbm", help="heads (default: %(default)s)")
    arguments = parser.parse_args(argv)
    warnings.simplefilter("ignore")  # converters of other packages warn about their own internals

    def table() -> str:
        catalog = load_catalog(arguments.catalog)
        paths = [arguments.data / f"{name}.parquet" for name in ("zeroeval", "bfcl")]
        usable, tiers = tier_outcomes(paths, catalog)
        settings = Settings(candidate=arguments.candidate, seed=arguments.seed)
        heads = unseen_heads(settings, catalog, usable, FOLDS)
        return coverage_table(catalog, tiers, heads, arguments.seed)

    return print_or_refuse(table)


def coverage_table(catalog: Catalog, tiers: OutcomeTable, heads: Unseen, seed: int) -> str:
    """Return the table; only prompts with counted lengths are measured."""
    recorded = counted_lengths(tiers)
    counted = ~np.isnan(recorded).any(axis=1)
    bounds = _bounds(catalog, tiers, heads, recorded, seed)
    tasks = [str(task) for task in np.unique(tiers.task[counted])]
    bands = [f"band {band + 1}" for band in range(BANDS)]
    rows = [["tier", "bound", "covered", *tasks, *bands, "mean bound / mean length", "pinball"]]
    weights = resample_weights(tiers.group[counted], _DRAWS, seed)
    for at, tier in enumerate(catalog.tier_names):
        expected = heads.output_tokens[counted, at]
        edges = np.quantile(expected, np.arange(1, BANDS) / BANDS)
        band = np.searchsorted(edges, expected, side="right")
        truth = recorded[counted, at]
        for name, upper in bounds.items():
            bound = upper[counted, at]
            covered = (truth <= bound).astype(np.float64)
            samples = np.concatenate([[covered.mean()], weights @ covered])
            parts = [tiers.task[counted] == task for task in tasks]
            parts += [band == one for one in range(BANDS)]
            gap = truth - bound
            pinball = np.maximum(COVERAGE * gap, (COVERAGE - 1.0) * gap).mean()
            rows.append(
                [
                    tier,
                    name,
                    with_interval(interval(samples)),
                    *(f"{covered[part].mean():.3f}" for part in parts),
                    f"{bound.mean() / truth.mean():.2f}",
                    f"{pinball:.1f}",
                ]
            )
    return aligned(rows)


def _bounds(
    catalog: Catalog, tiers: OutcomeTable, heads: Unseen, recorded: FloatArray, seed: int
) -> dict[str, FloatArray]:
    """Fit every kind of bound on one half of each fold and apply it to the other."""
    names = (
        "one factor",
        "one factor, estimated lengths in",
        "factor per band",
        "quantile booster",
    )
    found = {name: np.zeros(recorded.shape) for name in names}
    inner = inner_parts(tiers.group, seed)
    half: BoolArray = assign_split(tiers.group, seed + 5, _HALVES) == PARTS[0]
    estimated = tiers.output_tokens.astype(np.float64)
    for fold in range(FOLDS):
        quantiles = _boosters(tiers, recorded, (heads.fold != fold) & (inner == PARTS[0]), seed)
        for side in (False, True):
            fitted = (heads.fold == fold) & (half == side)
            rest = (heads.fold == fold) & (half != side)
            for name, expected, lengths, bands in (
                (names[0], heads.output_tokens, recorded, 1),
                (names[1], heads.output_tokens, estimated, 1),
                (names[2], heads.output_tokens, recorded, BANDS),
                (names[3], quantiles, recorded, 1),
            ):
                bounds = fit_length_bounds(
                    expected[fitted], lengths[fitted], catalog.tier_names, bands=bands
                )
                found[name][rest] = upper_lengths(bounds, expected[rest])
    return found


def _boosters(
    tiers: OutcomeTable, recorded: FloatArray, learn_from: BoolArray, seed: int
) -> FloatArray:
    """Return the conditional quantile a booster per tier predicts, tokens (n, T)."""
    inputs = np.hstack([tiers.vectors, tiers.features]).astype(np.float32)
    columns = []
    for lengths in recorded.T:
        rows = learn_from & ~np.isnan(lengths)
        data = lgb.Dataset(inputs[rows], np.log1p(lengths[rows]))
        booster = lgb.train({**_BOOSTER, "seed": seed}, data, num_boost_round=_ROUNDS)
        columns.append(np.maximum(np.expm1(booster.predict(inputs)), 0.0))
    return np.column_stack(columns)


if __name__ == "__main__":
    sys.exit(main())
