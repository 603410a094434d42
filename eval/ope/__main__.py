"""``python -m eval.ope``: judge a candidate policy from a log, or the estimators by simulation.

``python -m eval.ope --log FILE.jsonl --candidate KEY`` reads the candidate from a key of every
line; ``--artifact DIR`` asks an artifact instead. ``--outcomes STORE`` joins a server's decision
log with its recorded outcomes first. ``python -m eval.ope simulate`` prints bias and
coverage against known truth. The format of a log is described in docs/off-policy.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.arrays import FloatArray
from eval.bootstrap import Interval
from eval.json_lines import numbered_lines
from eval.ope.candidate import artifact_choices, artifact_choices_recorded
from eval.ope.estimate import BOOTSTRAP_DRAWS, OffPolicyReport, off_policy_report
from eval.ope.join import join_outcomes, read_outcome_store
from eval.ope.read import LogFile, parse_log
from eval.ope.worlds import coverage_lines, load_outcomes
from router.errors import RouterError
from router.types import Goal

FEW_EFFECTIVE = 75  # below it the simulation shows intervals that are too short
_FAR = 4.0  # standard errors of the mean weight from 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for; return 0, or 1 with the reason on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        return _simulate(arguments) if arguments.command == "simulate" else _judge(arguments)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1


def report_lines(report: OffPolicyReport) -> list[str]:
    """Write a report as Markdown lines, warnings first."""
    overlap = report.overlap
    size = (
        f"{report.decisions} decisions, {overlap.effective_size:.0f} effective ones for this "
        f"candidate; greatest weight {overlap.greatest_weight:.1f}, mean weight "
        f"{overlap.mean_weight:.3f} (expected 1, standard error {overlap.mean_weight_error:.3f})"
    )
    logged = (
        f"the policy that logged: quality {report.logged_quality:.4f}, "
        f"{report.logged_cost_usd:.6f} USD per request"
    )
    lines = [size, logged]
    if overlap.effective_size < FEW_EFFECTIVE:
        lines.append(
            f"warning: fewer than {FEW_EFFECTIVE} effective decisions, these intervals are too "
            "short: log more, or explore more"
        )
    if abs(overlap.mean_weight - 1) > _FAR * overlap.mean_weight_error + 1e-9:
        lines.append(
            "warning: the mean weight is far from 1, so the logged propensities are not those "
            "that decided: do not trust these estimates"
        )
    lines += [
        "",
        "| target | estimator | estimate | 95 %, asymptotic | 95 %, bootstrap |",
        "|---|---|---|---|---|",
    ]
    for one in report.estimates:
        digits = 4 if one.target == "quality" else 6
        lines.append(
            f"| {one.target} | {one.estimator} | {one.asymptotic.value:.{digits}f} "
            f"| {_range(one.asymptotic, digits)} | {_range(one.bootstrap, digits)} |"
        )
    if report.of("quality", "dr") is None:
        lines.append("\nno predicted_reward in the log: the doubly robust estimate is left out")
    return lines


def _judge(arguments: argparse.Namespace) -> int:
    if arguments.log is None or (arguments.candidate is None) == (arguments.artifact is None):
        print(
            "error: give --log FILE.jsonl and one of --candidate KEY and --artifact DIR, or the "
            "command 'simulate'",
            file=sys.stderr,
        )
        return 2
    lines = numbered_lines(arguments.log)
    if arguments.outcomes is not None:
        joined = join_outcomes(lines, read_outcome_store(arguments.outcomes))
        print(joined.sentence(), end="\n\n")
        lines = joined.lines
    file = parse_log(arguments.log, lines, arguments.candidate)
    candidate = file.candidate
    if candidate is None:
        candidate = _choices(file, arguments)
    report = off_policy_report(file.log, candidate, draws=arguments.draws, seed=arguments.seed)
    print(*report_lines(report), sep="\n")
    return 0


def _simulate(arguments: argparse.Namespace) -> int:
    outcomes = load_outcomes(arguments.data, arguments.artifact or _ARTIFACT, arguments.catalog)
    lines = coverage_lines(outcomes, arguments.logs, arguments.seed)
    print(
        f"{arguments.logs} logs each, seed {arguments.seed}, {len(outcomes.adequate)} test prompts",
        "",
        *lines,
        sep="\n",
    )
    return 0


def _choices(file: LogFile, arguments: argparse.Namespace) -> FloatArray:
    actions, goal = file.log.actions, _goal(arguments)
    artifact, catalog = arguments.artifact, arguments.catalog
    if file.inputs:
        return artifact_choices_recorded(file.inputs, actions, artifact, catalog, goal)
    return artifact_choices(file.prompts, actions, artifact, catalog, goal)


def _goal(arguments: argparse.Namespace) -> Goal | None:
    if arguments.quality_target is None and arguments.willingness_to_pay_usd is None:
        return None
    return Goal(arguments.quality_target, arguments.willingness_to_pay_usd)


def _range(interval: Interval, digits: int) -> str:
    return f"{interval.low:.{digits}f} to {interval.high:.{digits}f}"


_ARTIFACT = Path("router/artifacts/default")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.ope", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("estimate", "simulate"), default="estimate")
    parser.add_argument("--log", type=Path, help="logged decisions, JSON lines")
    parser.add_argument(
        "--outcomes", type=Path, metavar="STORE", help="the server's store of recorded outcomes"
    )
    parser.add_argument(
        "--candidate", metavar="KEY", help="key of the candidate's choice in a line"
    )
    parser.add_argument("--artifact", type=Path, help="artifact directory that is the candidate")
    parser.add_argument(
        "--catalog", type=Path, default=Path("data/catalog.toml"), help="catalog file (TOML)"
    )
    parser.add_argument("--quality-target", type=float, help="goal of the artifact")
    parser.add_argument("--willingness-to-pay-usd", type=float, help="goal of the artifact")
    parser.add_argument("--data", type=Path, default=Path("data/outcomes"), help="for simulate")
    parser.add_argument("--logs", type=int, default=500, help="simulated logs per line")
    parser.add_argument("--draws", type=int, default=BOOTSTRAP_DRAWS, help="bootstrap resamples")
    parser.add_argument("--seed", type=int, default=0, help="seed of every draw")
    return parser


if __name__ == "__main__":
    sys.exit(main())
