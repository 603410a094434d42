"""Options of ``python -m training``; nothing heavy here, so that ``--help`` is quick."""

import argparse
from pathlib import Path

from router.defaults import default_artifact_directory
from training.onboard.options import add_options
from training.settings import Settings


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of all commands; what is called stands in ``command``."""
    default = Settings()
    top = argparse.ArgumentParser(prog="python -m training", description=description)
    commands = top.add_subparsers(required=True, dest="command")
    train = commands.add_parser("train", help="train an artifact and promote it if it is not worse")
    train.add_argument("--out", type=Path, default=default.out, help="artifact directory to write")
    train.add_argument(
        "--no-champion", dest="use_champion", action="store_false", help="promote without comparing"
    )
    train.add_argument(
        "--traffic-log",
        type=Path,
        metavar="FILE",
        help="decision log of a server that explored; the artifact must not lose on it",
    )
    train.add_argument(
        "--traffic-outcomes",
        type=Path,
        metavar="STORE",
        default=default.traffic_outcomes,
        help="that server's store of outcomes",
    )
    crossval = commands.add_parser(
        "crossval", help="judge every prompt by an artifact trained without it"
    )
    crossval.add_argument("--folds", type=int, default=5)
    crossval.add_argument(
        "--leave-out",
        choices=("task", "source"),
        default="",
        help="make every task (or source) a fold: judged by an artifact that has seen none of it",
    )
    crossval.add_argument("--peers", type=Path, help="file of peers' scores to judge beside")
    crossval.add_argument("--report", type=Path, default=Path("build/crossval"))
    calibrate = commands.add_parser(
        "calibrate", help="fit the contract of an artifact on labels, without training again"
    )
    calibrate.add_argument("--artifact", type=Path, default=default_artifact_directory())
    calibrate.add_argument("--out", type=Path, default=default.out, help="artifact to write")
    calibrate.add_argument(
        "--topics-from",
        type=Path,
        metavar="ARTIFACT",
        help="take the topics of another artifact, such as the one an onboarded one started from",
    )
    onboard = commands.add_parser(
        "onboard", help="add a tier for a new model from 50 or more labels, without training again"
    )
    add_options(onboard, default)
    review = commands.add_parser(
        "review", help="fit the second look of an artifact, on predictions made out of fold"
    )
    review.add_argument("--artifact", type=Path, default=default_artifact_directory())
    review.add_argument("--out", type=Path, default=default.out, help="artifact to write")
    review.add_argument("--folds", type=int, default=5)
    review.add_argument(
        "--answers", type=Path, default=Path("data/answers/zeroeval.parquet"), help="digests"
    )
    review.add_argument(
        "--predictions",
        type=Path,
        default=Path("build/review/predictions.parquet"),
        help="written, for python -m eval.review",
    )
    review.add_argument(
        "--fit-predictions",
        type=Path,
        default=Path("build/review/fit_predictions.parquet"),
        help="written: the same without the held-out part, which calibrates a contract",
    )
    review.add_argument(
        "--reuse", action="store_true", help="read --fit-predictions instead of training again"
    )
    for command in (train, crossval, calibrate, onboard, review):
        _add_data(command, default)
    for command in (train, crossval):
        _add_judging(command, default)
    for command in (train, crossval, review):
        _add_fitting(command, default)
    compare = commands.add_parser("compare", help="print runs side by side")
    compare.add_argument("--limit", type=int, default=10, help="most recent runs shown")
    for command in (train, compare):
        command.add_argument("--tracking-uri", default=default.tracking_uri)
        command.add_argument("--experiment", default=default.experiment)
    return top


def _add_data(command: argparse.ArgumentParser, default: Settings) -> None:
    command.add_argument("--data", default=default.data, help="outcomes (default: bundled)")
    command.add_argument("--format", help="of your data, where the name does not tell it")
    command.add_argument(
        "--map",
        action="append",
        default=[],
        type=_pair,
        metavar="OURS=THEIRS",
        help="a column of your data that has another name, e.g. quality=score",
    )
    command.add_argument("--catalog", type=Path, default=default.catalog, help="catalog file")
    command.add_argument(
        "--skip-bad-rows", action="store_true", help="list bad rows and go on without them"
    )


def _add_judging(command: argparse.ArgumentParser, default: Settings) -> None:
    command.add_argument("--encoder", type=Path, default=default.encoder, help="encoder directory")
    command.add_argument(
        "--draws",
        type=int,
        default=default.draws,
        help="resamples behind intervals (default %(default)s)",
    )


def _add_fitting(command: argparse.ArgumentParser, default: Settings) -> None:
    command.add_argument("--prior", type=Path, default=default.prior, help="coverage file")
    command.add_argument(
        "--no-prior", dest="prior", action="store_const", const=None, help="learn without it"
    )
    command.add_argument(
        "--otherwise",
        type=Path,
        default=default.otherwise,
        help="directory of recorded inputs of bundled prompts written otherwise",
    )
    command.add_argument(
        "--no-otherwise",
        dest="otherwise",
        action="store_const",
        const=None,
        help="learn without them",
    )
    command.add_argument("--seed", type=int, default=default.seed)
    command.add_argument(
        "--candidate", default=default.candidate, help="default %(default)s; 'all' others"
    )
    command.add_argument(
        "--no-distil",
        dest="distil",
        action="store_false",
        help="export the candidate itself, not a small network that gives the same",
    )


def _pair(text: str) -> tuple[str, str]:
    ours, separator, theirs = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not OURS=THEIRS, e.g. quality=score")
    return ours, theirs
