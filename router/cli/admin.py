"""``admin``: what a running server decides with: status, reload, rollback, canary, shadow."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from router.cli.connection import add_connection, client_of
from router.cli.table import lines_of_table
from router.client import CallError, RouterClient
from router.config import Config
from router.v1 import admin_pb2 as pb

# Loading takes a fraction of a second, but changes wait for one another.
_TIMEOUT_SECONDS = 60.0


def add_admin(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``admin`` with its own commands."""
    admin = commands.add_parser(
        "admin",
        help="change what a running server decides with: reload, rollback, canary, shadow, status",
        description="Speak to AdminService of a server that was started with --admin.",
    )
    admin.add_argument("--address", metavar="HOST:PORT", default=Config().address)
    add_connection(admin)
    own = admin.add_subparsers(required=True, metavar="COMMAND")
    parser = own.add_parser("status", help="what is in force, what was tried, what trials show")
    parser.set_defaults(run=status)
    parser = own.add_parser("reload", help="load artifact and catalog again, or others; swap whole")
    parser.add_argument("--artifact", metavar="DIR", default="", help="as the server sees it")
    parser.add_argument("--catalog", metavar="FILE", default="", help="as the server sees it")
    parser.set_defaults(run=reload)
    parser = own.add_parser("rollback", help="go back to what was in force before")
    parser.set_defaults(run=rollback)
    for name, run, what in (
        ("canary", canary, "let a second artifact answer a share of sessions, or end that"),
        ("shadow", shadow, "let a second artifact decide a share of requests without effect"),
    ):
        parser = own.add_parser(name, help=what)
        choice = parser.add_mutually_exclusive_group(required=True)
        choice.add_argument("--artifact", metavar="DIR", default="", help="as the server sees it")
        choice.add_argument("--off", action="store_true", help="end it")
        parser.add_argument("--share", type=float, metavar="P", default=0.0, help="above 0, to 1")
        parser.set_defaults(run=run)
    for parser in own.choices.values():  # so that they may stand behind the command, too
        parser.add_argument("--address", metavar="HOST:PORT", default=argparse.SUPPRESS)
        add_connection(parser, again=True)


def reload(arguments: argparse.Namespace) -> int:
    """Have the server reload; print what is in force then; return 0."""
    request = pb.ReloadRequest(artifact=arguments.artifact, catalog=arguments.catalog)
    with _client(arguments) as client:
        answer = client.reload(request)
    if not answer.changed:
        print("nothing changed")
    print("\n".join(_lines_of_versions(answer.in_force, answer.previous)))
    return 0


def rollback(arguments: argparse.Namespace) -> int:
    """Have the server go back; print what is in force then; return 0."""
    with _client(arguments) as client:
        answer = client.rollback()
    print("\n".join(_lines_of_versions(answer.in_force, answer.previous)))
    return 0


def canary(arguments: argparse.Namespace) -> int:
    """Set or end the canary; return 0."""
    request = pb.SetCanaryRequest(artifact=arguments.artifact, share=arguments.share)
    with _client(arguments) as client:
        answer = client.set_canary(request)
    print("\n".join(_lines_of_canary(answer.canary)) if answer.HasField("canary") else "no canary")
    return 0


def shadow(arguments: argparse.Namespace) -> int:
    """Set or end the shadow; return 0."""
    request = pb.SetShadowRequest(artifact=arguments.artifact, share=arguments.share)
    with _client(arguments) as client:
        answer = client.set_shadow(request)
    print("\n".join(_lines_of_shadow(answer.shadow)) if answer.HasField("shadow") else "no shadow")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Print how a server stands; return 0."""
    with _client(arguments) as client:
        answer = client.status()
    print("\n".join(lines_of_status(answer)))
    return 0


def lines_of_status(answer: pb.GetStatusResponse) -> list[str]:
    """Return versions, the latest attempt, counts, and what canary and shadow show."""
    previous = answer.previous if answer.HasField("previous") else None
    lines = _lines_of_versions(answer.in_force, previous)
    if answer.HasField("last_attempt"):
        last = answer.last_attempt
        said = f": {last.reason} {last.message}".rstrip(": ")
        lines.append(
            f"last      {_action(last.action)} by {last.trigger}, {_outcome(last.outcome)}, "
            f"{last.began.ToJsonString()}, {last.seconds:.2f} s{said}"
        )
    for one in answer.attempt_counts:
        lines.append(f"counted   {_action(one.action)} {_outcome(one.outcome)}: {one.count}")
    if answer.HasField("canary"):
        lines += ["", *_lines_of_canary(answer.canary)]
    if answer.HasField("shadow"):
        lines += ["", *_lines_of_shadow(answer.shadow)]
    return lines


@contextmanager
def _client(arguments: argparse.Namespace) -> Iterator[RouterClient]:
    with client_of(arguments, _TIMEOUT_SECONDS) as client:
        try:
            yield client
        except CallError as error:
            if error.code != "UNIMPLEMENTED":
                raise
            raise CallError(
                f"{arguments.address} does not serve AdminService; start the server with --admin",
                code=error.code,
            ) from error


def _lines_of_versions(in_force: pb.Version, previous: pb.Version | None) -> list[str]:
    versions = [("in force", in_force)]
    if previous is not None and previous.artifact_version:
        versions.append(("previous", previous))
    return [
        f"{name}  artifact {one.artifact_version} ({one.artifact}), catalog {one.catalog_version} "
        f"({one.catalog})"
        for name, one in versions
    ]


def _lines_of_canary(one: pb.Canary) -> list[str]:
    rows = [
        (
            name,
            f"{counts.decision_count:,}",
            _interval(counts.expected_cost_usd, "{:.6f}"),
            _interval(counts.adequacy, "{:.4f}"),
            " ".join(f"{tier} {n:,}" for tier, n in sorted(counts.tier_counts.items())),
        )
        for name, counts in (("main", one.main), ("canary", one.canary))
    ]
    header = ("arm", "decisions", "expected USD", "adequacy", "tiers")
    return [
        f"canary {one.artifact_version} ({one.artifact}) answers {one.share:.2%} of sessions",
        *lines_of_table(header, rows, right=(1,)),
    ]


def _lines_of_shadow(one: pb.Shadow) -> list[str]:
    failed = "".join(f", {reason} {n:,}" for reason, n in sorted(one.failure_counts.items()))
    first = (
        f"shadow {one.artifact_version} ({one.artifact}) decides {one.share:.2%} of requests "
        f"again: {one.compared_count:,} compared, {one.dropped_count:,} dropped{failed}"
    )
    return [
        first,
        *(f"  {name}  {value}" for name, value in _shadow_rows(one)),
        *(
            f"  {move.tier} -> {move.shadow_tier}  {move.count:,}"
            for move in one.moves
            if move.tier != move.shadow_tier
        ),
    ]


def _shadow_rows(one: pb.Shadow) -> Iterator[tuple[str, str]]:
    if not one.compared_count:
        return
    yield "same tier", _interval(one.same_tier, "{:.2%}")
    yield "same deployment", _interval(one.same_deployment, "{:.2%}")
    usd, points = "{:+.6f}", "{:+.4f}"
    yield "expected USD, as main predicts", _interval(one.cost_difference_usd, usd)
    yield "expected USD, as shadow predicts", _interval(one.cost_difference_usd_by_shadow, usd)
    yield "adequacy, as main predicts", _interval(one.adequacy_difference, points)
    yield "adequacy, as shadow predicts", _interval(one.adequacy_difference_by_shadow, points)
    for tier, interval in sorted(one.tier_adequacy_differences.items()):
        yield f"predicted adequacy of {tier}", _interval(interval, points)


def _interval(one: pb.Interval, form: str) -> str:
    return f"{form.format(one.value)} [{form.format(one.low)}, {form.format(one.high)}]"


def _action(value: "pb.AttemptAction.ValueType") -> str:
    name = str(pb.AttemptAction.Name(value)).removeprefix("ATTEMPT_ACTION_")
    return name.lower().replace("_", " ")


def _outcome(value: "pb.AttemptOutcome.ValueType") -> str:
    return str(pb.AttemptOutcome.Name(value)).removeprefix("ATTEMPT_OUTCOME_").lower()
