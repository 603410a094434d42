"""``python -m eval.review``: what a second look brings on the prompts with recorded answers.

Prints Markdown to standard output. Out-of-fold predictions come from ``python -m training review``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.bootstrap import DRAWS
from eval.outcomes import read_outcomes
from eval.review.answers import DEFAULT_ANSWERS, read_answers
from eval.review.contracts import LABELS, contract_lines, policies
from eval.review.measure import cross_fitted, sweeps
from eval.review.predictions import DEFAULT_PREDICTIONS, read_predictions
from eval.review.prepare import SETTINGS, prepare, willingness_to_pay_usd
from eval.review.shares import parts_of, shares
from eval.review.tables import agreement_lines, cosine_lines, share_lines
from router.catalog import load_catalog
from router.defaults import default_catalog_path
from router.errors import RouterError

TARGETS = (0.02, 0.05, 0.10)
CALIBRATIONS = 2000


def main(argv: Sequence[str] | None = None) -> int:
    """Print all tables; return 0, or 1 with the reason on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        _tables(arguments)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    return 0


def _tables(arguments: argparse.Namespace) -> None:
    catalog = load_catalog(arguments.catalog)
    answers = read_answers(arguments.answers)
    data = prepare(
        read_outcomes(arguments.data),
        answers,
        read_predictions(arguments.predictions),
        catalog,
        willingness_to_pay_usd(arguments.settings),
    )
    model_of = cross_fitted(data, catalog, _say)
    routers = sweeps(data, catalog, model_of, _say)
    found = shares(data, routers, arguments.seed, arguments.draws)
    for part, rows in parts_of(data.table.task).items():
        what = f"share of always-{catalog.tier_names[-1]} cost at a share of its quality"
        _print(f"{part}: {int(rows.sum())} prompts, {what}", share_lines(found, part))
    ways = policies(data, model_of, routers[0], catalog.adequate_quality)
    calibrations, seed = arguments.calibrations, arguments.seed
    for part, rows in parts_of(data.table.task).items():
        what = f"contracts on {LABELS} labels, {calibrations} calibrations, seed {seed}"
        lines = contract_lines(ways, rows, TARGETS, calibrations, seed)
        _print(f"{part}: {int(rows.sum())} prompts, {what}", lines)
    _print("Agreement of final answers", agreement_lines(data, catalog.adequate_quality))
    _print("Cosine of answer vectors, all models", cosine_lines(answers))


def _print(title: str, lines: list[str]) -> None:
    print(f"### {title}\n")
    print("\n".join(lines), end="\n\n")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.review", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/outcomes"), help="outcomes")
    parser.add_argument("--answers", type=Path, default=DEFAULT_ANSWERS, help="answers' digests")
    parser.add_argument("--predictions", type=Path, default=DEFAULT_PREDICTIONS, help="out of fold")
    parser.add_argument("--catalog", type=Path, default=default_catalog_path())
    parser.add_argument("--seed", type=int, default=0, help="seed of the resampling (default 0)")
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"resamples (default {DRAWS})")
    parser.add_argument(
        "--settings",
        type=int,
        default=SETTINGS,
        help="willingnesses to pay that are swept (default %(default)s)",
    )
    parser.add_argument(
        "--calibrations",
        type=int,
        default=CALIBRATIONS,
        help="of each contract, simulated (default %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
