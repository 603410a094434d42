"""``promise``: how the contracts of a server are kept, as its audits say."""

import argparse

from router.cli.connection import add_connection, client_of
from router.cli.table import lines_of_table
from router.config import Config
from router.v1 import router_pb2 as pb


def add_promise(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``promise``."""
    parser = commands.add_parser(
        "promise",
        help="ask a server how the contracts in use are kept",
        description="Print every contract that audits watch, and what they found.",
    )
    parser.add_argument("--address", metavar="HOST:PORT", default=Config().address)
    add_connection(parser)
    parser.set_defaults(run=promise)


def promise(arguments: argparse.Namespace) -> int:
    """Print what a server says of its contracts; return 0."""
    with client_of(arguments) as client:
        answer = client.promise()
    print("\n".join(lines_of_promise(answer)))
    return 0


def lines_of_promise(answer: pb.GetPromiseResponse) -> list[str]:
    """Return a table of contracts, and what is watched at all."""
    if not answer.calibration:
        return ["The artifact is not calibrated for contracts, so nothing is promised."]
    share = (
        f"{answer.audit_share:.2%} of requests under a contract are audited"
        if answer.audit_share
        else "audit_share is 0: nothing is watched"
    )
    lines = [f"Calibration {answer.calibration}; {share}."]
    if answer.missed_audit_count:
        lines.append(f"{answer.missed_audit_count} audits could not be written and were left out.")
    if not answer.contracts:
        return [*lines, "No audit has been drawn yet."]
    rows = [
        (
            f"{one.contract.max_loss_rate:.2%}",
            f"{one.contract.confidence:g}",
            "reviewed" if one.contract.reviewed else one.topic or "all",
            "suspended" if one.suspended else "stands",
            f"{one.audit_count:,}",
            f"{one.known_audit_count:,}",
            f"{one.lost_audit_count:,}",
            f"{one.evidence:.3g} of {one.evidence_limit:.3g}",
            f"{one.loss_rate_lower_bound:.2%}",
            one.started.ToJsonString()[:10],
        )
        for one in answer.contracts
    ]
    header = (
        "may lose", "confidence", "of", "state", "audits", "known", "lost", "evidence",
        "loses over", "since",
    )  # fmt: skip
    return [*lines, "", *lines_of_table(header, rows, right=(0, 1, 4, 5, 6, 7, 8))]
