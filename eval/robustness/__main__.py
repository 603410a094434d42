"""``python -m eval.robustness``: which changes of a prompt flip the decision of an artifact.

On the project's own prompts, or with ``--texts`` on texts that outcomes were made from; only
numbers are printed. What the figures mean is docs/robustness.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.cells import with_interval
from eval.coverage import DEFAULT_PATH
from eval.coverage_file import PARTS as COVERAGE_PARTS
from eval.robustness.changes import CHANGES, UNTAUGHT
from eval.robustness.measure import Flips, differences, measure, try_changes
from eval.robustness.texts import Prompts, outcome_prompts, own_prompts
from eval.split import PARTS as SPLIT_PARTS
from eval.tables import aligned
from router.catalog import load_catalog
from router.defaults import default_artifact_directory, default_catalog_path
from router.engine import Engine, build_engine
from router.errors import DataError, RouterError
from router.predict.artifact import load_artifact


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0, or 1 with the reason on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        catalog = load_catalog(arguments.catalog)
        engine = build_engine(load_artifact(arguments.artifact), catalog)
        prompts = _prompts(arguments, engine.artifact.manifest.split_seed)
        print(
            f"artifact {engine.artifact.version}, part {arguments.part}, "
            f"{len(prompts.conversations)} prompts, default goal, seed {arguments.seed}"
        )
        if arguments.against is None:
            _print_flips(engine, prompts, arguments.seed)
        else:
            other = build_engine(load_artifact(arguments.against), catalog)
            _print_differences(engine, other, prompts, arguments.seed)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    return 0


_UNTAUGHT_TITLE = "\nkinds of change that nothing like is in any training input\n"


def _print_flips(engine: Engine, prompts: Prompts, seed: int) -> None:
    for title, changes in (("", CHANGES), (_UNTAUGHT_TITLE, UNTAUGHT)):
        flips = measure(engine, prompts.conversations, prompts.groups, seed=seed, changes=changes)
        print(f"{title}\n{flips_table(flips)}")


def _print_differences(engine: Engine, other: Engine, prompts: Prompts, seed: int) -> None:
    print(f"less artifact {other.artifact.version}: difference of the shares")
    for title, changes in (("", CHANGES), (_UNTAUGHT_TITLE, UNTAUGHT)):
        ours, theirs = (
            try_changes(one, prompts.conversations, seed=seed, changes=changes)
            for one in (engine, other)
        )
        rows = [
            [name, with_interval(flipped), "-" if costly is None else with_interval(costly)]
            for name, flipped, costly in differences(ours, theirs, prompts.groups, seed=seed)
        ]
        print(f"{title}\n{aligned([['change', 'another tier', 'costly flip'], *rows])}")


def flips_table(flips: Sequence[Flips]) -> str:
    """Print one line a change, with 95 % intervals by resampling groups of prompts."""
    head = ["change", "prompts", "another tier", "a lower tier", "costly flip", "adequacy moves by"]
    rows = [
        [
            one.change,
            str(one.prompts),
            with_interval(one.flipped),
            with_interval(one.cheaper),
            "-" if one.costly is None else with_interval(one.costly),
            with_interval(one.moved),
        ]
        for one in flips
    ]
    return aligned([head, *rows])


def _prompts(arguments: argparse.Namespace, split_seed: int) -> Prompts:
    allowed = SPLIT_PARTS if arguments.texts else COVERAGE_PARTS
    if arguments.part not in allowed:
        raise DataError(
            f"--part {arguments.part} given; {'with' if arguments.texts else 'without'} --texts it "
            f"must be one of {', '.join(allowed)}"
        )
    if not arguments.texts:
        return own_prompts(arguments.data, arguments.part)
    return outcome_prompts(
        arguments.texts,
        arguments.outcomes,
        part=arguments.part,
        split_seed=split_seed,
        most=arguments.prompts,
        seed=arguments.seed,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.robustness", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=default_artifact_directory())
    parser.add_argument(
        "--against", type=Path, help="print the difference to this artifact, paired by prompt"
    )
    parser.add_argument("--catalog", type=Path, default=default_catalog_path())
    parser.add_argument("--data", type=Path, default=DEFAULT_PATH, help="coverage file (JSONL)")
    parser.add_argument(
        "--part",
        default="test",
        help="of the coverage set (prior, test), or with --texts of the split (validation, test)",
    )
    parser.add_argument(
        "--texts", type=Path, nargs="+", help="Parquet files of texts, or directories of them"
    )
    parser.add_argument(
        "--outcomes",
        type=Path,
        nargs="+",
        default=[Path("data/outcomes/zeroeval.parquet"), Path("data/outcomes/bfcl.parquet")],
        help="the outcome files made from the texts",
    )
    parser.add_argument("--prompts", type=int, default=1000, help="most prompts taken of --texts")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
