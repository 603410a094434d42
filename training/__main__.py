"""Command line: ``python -m training train | compare``."""

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from eval.tables import summary
from router.errors import RouterError
from training.settings import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; 0 when it did what was asked, 1 when it could not, 2 on bad arguments.

    A run that is not promoted still did what was asked: it returns 0 and says so.
    """
    arguments = _parser().parse_args(argv)
    # Converters of other packages warn about their own internals; ours are errors or lines.
    warnings.simplefilter("ignore")
    try:
        return int(arguments.call(arguments))
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        for problem in getattr(error, "problems", ()):
            print(f"  {problem}", file=sys.stderr)
        return 1


def _train(arguments: argparse.Namespace) -> int:
    from training.pipeline import train

    names = {item.name for item in fields(Settings)}
    settings = Settings(**{key: value for key, value in vars(arguments).items() if key in names})
    outcome = train(settings, say=_say)
    print(summary(outcome.results))
    print()
    print(f"artifact    {outcome.artifact_version} ({outcome.candidate})")
    print(f"MLflow      run {outcome.run_id}, version {outcome.registered_version}")
    print(f"verdict     {outcome.verdict.sentence() if outcome.verdict else 'no champion to beat'}")
    print(f"written to  {settings.out if outcome.promoted else '- (not promoted)'}")
    print(f"time        {outcome.seconds:.1f} s")
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from training.compare import comparison_table

    print(comparison_table(arguments.tracking_uri, arguments.experiment, arguments.limit))
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train", help="train an artifact and promote it if it is not worse")
    train.add_argument("--data", default=default.data, help="outcomes (default: the bundled ones)")
    train.add_argument("--catalog", type=Path, default=default.catalog, help="catalog file")
    train.add_argument("--out", type=Path, default=default.out, help="artifact directory to write")
    train.add_argument("--encoder", type=Path, default=default.encoder, help="encoder directory")
    train.add_argument("--seed", type=int, default=default.seed)
    train.add_argument("--candidate", help="fit only this candidate")
    train.add_argument(
        "--no-champion", dest="use_champion", action="store_false", help="promote without comparing"
    )
    train.add_argument(
        "--skip-bad-rows", action="store_true", help="list bad rows and go on without them"
    )
    train.set_defaults(call=_train)
    compare = commands.add_parser("compare", help="print runs side by side")
    compare.add_argument("--limit", type=int, default=10, help="most recent runs shown")
    compare.set_defaults(call=_compare)
    for command in (train, compare):
        command.add_argument("--tracking-uri", default=default.tracking_uri)
        command.add_argument("--experiment", default=default.experiment)
    return parser


if __name__ == "__main__":
    sys.exit(main())
