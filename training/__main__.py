"""Command line: ``python -m training train | crossval | calibrate | onboard | review | ...``."""

import argparse
import shlex
import sys
import warnings
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from eval.report import write_report
from eval.results_file import write_results
from eval.tables import summary
from router.catalog import load_catalog
from router.defaults import default_artifact_directory
from router.errors import RouterError
from router.promise.contract import contract
from router.promise.saved import describe
from router.types import DEFAULT_CONFIDENCE
from training.onboard.options import add_options
from training.settings import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; 0 when it did what was asked, 1 when it could not, 2 on bad arguments.

    A run that is not promoted still did what was asked: it returns 0 and says so.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser().parse_args(given)
    arguments.typed = f"python -m training {shlex.join(given)}"
    # Converters of other packages warn about their own internals; ours are errors or lines.
    warnings.simplefilter("ignore")
    try:
        return int(arguments.call(arguments))
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        for problem in getattr(error, "problems", ()):
            if problem not in error.message:  # which names the first ones
                print(f"  {problem}", file=sys.stderr)
        if error.reason == "BAD_ROWS":
            print("of 'make train' that is TRAIN_FLAGS=--skip-bad-rows", file=sys.stderr)
        return 1


def _train(arguments: argparse.Namespace) -> int:
    from training.pipeline import train

    settings = _settings(arguments)
    outcome = train(settings, say=_say)
    print(summary(outcome.results))
    print()
    print(f"artifact    {outcome.artifact_version} ({outcome.candidate})")
    print(f"MLflow      run {outcome.run_id}, version {outcome.registered_version}")
    print(f"verdict     {outcome.verdict.sentence() if outcome.verdict else 'no champion to beat'}")
    print(f"written to  {settings.out if outcome.promoted else '- (not promoted)'}")
    print(f"time        {outcome.seconds:.1f} s")
    return 0


def _crossval(arguments: argparse.Namespace) -> int:
    from eval.peers.contenders import contenders
    from eval.peers.scores import read_scores
    from training.crossval import cross_validate

    # Indexes learnt in grouped folds; where something is left out they would have seen it.
    peers = (
        contenders(read_scores(arguments.peers), with_indexes=not arguments.leave_out)
        if arguments.peers
        else ()
    )
    results = cross_validate(
        _settings(arguments),
        arguments.folds,
        arguments.typed,
        say=_say,
        leave_out=arguments.leave_out,
        contenders=peers,
    )
    write_results(results, arguments.report / "results.json")
    for path in write_report(results, arguments.report):
        _say(f"wrote {path}")
    print(summary(results))
    return 0


def _calibrate(arguments: argparse.Namespace) -> int:
    from training.data import read_training_data
    from training.promise import calibrate

    # The labels are encoded by the very encoder the artifact carries.
    settings = replace(_settings(arguments), encoder=arguments.artifact)
    table = read_training_data(settings, _say)
    catalog = load_catalog(settings.catalog)
    done = calibrate(arguments.artifact, settings.out, table, catalog, arguments.topics_from)
    for rate in (0.02, 0.05, 0.1):
        print(describe(contract(done.counts, rate, 1.0 - DEFAULT_CONFIDENCE)))
    if done.by_topic is None:
        print(
            "no contract per topic: the artifact knows no topics; 'make train' finds them, "
            "--topics-from takes another artifact's"
        )
    else:
        for topic in range(len(done.by_topic.counts)):
            print(describe(done.by_topic.terms(0.05, 1.0 - DEFAULT_CONFIDENCE, topic)))
    print(f"artifact {done.artifact_version} written to {settings.out}")
    return 0


def _onboard(arguments: argparse.Namespace) -> int:
    from training.onboard.command import run

    settings = replace(_settings(arguments), encoder=arguments.artifact)
    print(run(arguments, settings, _say))
    return 0


def _review(arguments: argparse.Namespace) -> int:
    from eval.review.answers import read_answers
    from eval.review.predictions import read_predictions, write_predictions
    from training.data import read_training_data
    from training.review import predict_out_of_fold, write_review

    settings = replace(_settings(arguments), encoder=arguments.artifact)
    answers = read_answers(arguments.answers)
    if not arguments.reuse:
        for path, spare in ((arguments.predictions, False), (arguments.fit_predictions, True)):
            predictions = predict_out_of_fold(settings, arguments.folds, _say, spare_held_out=spare)
            write_predictions(predictions, path)
            _say(f"wrote {path}")
    predictions = read_predictions(arguments.fit_predictions)
    table = read_training_data(settings, _say)
    catalog = load_catalog(settings.catalog)
    version = write_review(arguments.artifact, settings.out, table, answers, predictions, catalog)
    print(f"artifact {version} written to {settings.out}")
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from training.compare import comparison_table

    print(comparison_table(arguments.tracking_uri, arguments.experiment, arguments.limit))
    return 0


def _settings(arguments: argparse.Namespace) -> Settings:
    names = {item.name for item in fields(Settings)}
    given = vars(arguments) | {"column_map": tuple(arguments.map)}
    return Settings(**{key: value for key, value in given.items() if key in names})


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _pair(text: str) -> tuple[str, str]:
    ours, separator, theirs = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not OURS=THEIRS, e.g. quality=score")
    return ours, theirs


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True)
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
    train.set_defaults(call=_train)
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
    crossval.set_defaults(call=_crossval)
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
    calibrate.set_defaults(call=_calibrate)
    onboard = commands.add_parser(
        "onboard", help="add a tier for a new model from 50 or more labels, without training again"
    )
    add_options(onboard, default)
    onboard.set_defaults(call=_onboard)
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
    review.set_defaults(call=_review)
    for command in (train, crossval, calibrate, onboard, review):
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
    for command in (train, crossval):
        command.add_argument(
            "--encoder", type=Path, default=default.encoder, help="encoder directory"
        )
    for command in (train, crossval, review):
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
    compare = commands.add_parser("compare", help="print runs side by side")
    compare.add_argument("--limit", type=int, default=10, help="most recent runs shown")
    compare.set_defaults(call=_compare)
    for command in (train, compare):
        command.add_argument("--tracking-uri", default=default.tracking_uri)
        command.add_argument("--experiment", default=default.experiment)
    return parser


if __name__ == "__main__":
    sys.exit(main())
