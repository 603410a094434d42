"""Command line: ``python -m training train | crossval | calibrate | onboard | review | ...``."""

import argparse
import shlex
import sys
import warnings
from collections.abc import Sequence
from dataclasses import fields, replace

from eval.report import write_report
from eval.results_file import write_results
from eval.tables import summary
from router.catalog import load_catalog
from router.errors import RouterError
from router.promise.contract import contract
from router.promise.saved import describe
from router.types import DEFAULT_CONFIDENCE
from training.options import parser
from training.settings import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; 0 when it did what was asked, 1 when it could not, 2 on bad arguments.

    A run that is not promoted still did what was asked: it returns 0 and says so.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = parser(__doc__).parse_args(given)
    arguments.typed = f"python -m training {shlex.join(given)}"
    # Converters of other packages warn about their own internals; ours are errors or lines.
    warnings.simplefilter("ignore")
    try:
        return _CALLS[arguments.command](arguments)
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


_CALLS = {
    "train": _train,
    "crossval": _crossval,
    "calibrate": _calibrate,
    "onboard": _onboard,
    "review": _review,
    "compare": _compare,
}

if __name__ == "__main__":
    sys.exit(main())
