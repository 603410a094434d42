"""``route``: one decision, by a server or in this process, explained."""

import argparse
import sys
from pathlib import Path

from google.protobuf import json_format

from router import load_engine
from router.cli.connection import add_connection, client_of
from router.cli.explain import lines_of_decision
from router.engine import Engine
from router.errors import InvalidRequestError
from router.server.answer import Answers
from router.server.convert import to_request
from router.server.deadline import with_schedule
from router.server.limits import MAX_TOKENS, Limits
from router.v1 import router_pb2 as pb


def add_route(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``route``."""
    parser = commands.add_parser(
        "route",
        help="decide one prompt and explain the decision",
        description="Decide one prompt and explain the decision. Without --address this happens "
        "in this process, with the artifact and catalog that ship.",
    )
    parser.add_argument("prompt", nargs="+", metavar="PROMPT", help='the prompt; "-" reads stdin')
    parser.add_argument("--address", metavar="HOST:PORT", help="ask this server")
    parser.add_argument("--artifact", type=Path, metavar="DIR", help="artifact directory")
    parser.add_argument("--catalog", type=Path, metavar="FILE", help="catalog file")
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument(
        "--quality-target", type=float, metavar="P", help="least acceptable adequacy, 0 to 1"
    )
    goal.add_argument(
        "--willingness-to-pay",
        type=float,
        metavar="USD",
        help="USD for one more adequate answer, above 0",
    )
    goal.add_argument(
        "--max-loss-rate",
        type=float,
        metavar="RATE",
        help="contract: greatest share of requests that may lose against the top tier",
    )
    parser.add_argument(
        "--confidence", type=float, metavar="P", help="of the contract (default 0.9)"
    )
    parser.add_argument(
        "--per-topic", action="store_true", help="contract that holds in every topic at once"
    )
    parser.add_argument("--max-cost", type=float, metavar="USD", help="most a request may cost")
    parser.add_argument("--allow", nargs="+", action="extend", default=[], metavar="TIER")
    parser.add_argument("--deny", nargs="+", action="extend", default=[], metavar="TIER")
    parser.add_argument(
        "--max-output-tokens", type=int, metavar="N", help="output limit you will set"
    )
    parser.add_argument(
        "--needed-within", type=float, metavar="SECONDS", help="the answer may wait so long"
    )
    parser.add_argument(
        "--deadline-confidence",
        type=float,
        metavar="P",
        help="least probability that it is there by then (default: the catalog's)",
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    add_connection(parser)
    parser.set_defaults(run=route)


def route(arguments: argparse.Namespace) -> int:
    """Decide and print; return 0."""
    request = request_of(arguments)
    if arguments.address:
        with client_of(arguments) as client:
            answer = client.route(request)
    else:
        answer = route_here(load_engine(arguments.artifact, arguments.catalog), request)
    if arguments.json:
        print(json_format.MessageToJson(answer, preserving_proto_field_name=True, indent=2))
    else:
        print("\n".join(lines_of_decision(answer)))
    return 0


def route_here(engine: Engine, request: pb.RouteRequest) -> pb.RouteResponse:
    """Decide in this process exactly as the server would.

    Raises:
        InvalidRequestError, NoCandidateError: as ``Route`` would have failed.
    """
    checked = to_request(request, engine.catalog, Limits())
    artifact = engine.artifact
    decision = engine.route(checked)
    answer = Answers(engine.catalog, artifact.version, artifact.length_bounds).write(
        decision, checked.request_id, checked.max_output_tokens
    )
    return with_schedule(decision, answer)


def request_of(arguments: argparse.Namespace) -> pb.RouteRequest:
    """Return the request that the command line states."""
    prompt = " ".join(arguments.prompt)
    most = arguments.max_output_tokens
    if most is not None and not 0 < most <= MAX_TOKENS:  # more than the message's field may hold
        raise InvalidRequestError(
            "max_output_tokens",
            f"{most} given, must be from 1 to {MAX_TOKENS}, or left unset",
            reason="TOKENS_OUT_OF_RANGE",
        )
    contract = None
    stated = (arguments.max_loss_rate, arguments.confidence, arguments.per_topic or None)
    if any(one is not None for one in stated):
        contract = pb.Contract(
            max_loss_rate=arguments.max_loss_rate,
            confidence=arguments.confidence,
            per_topic=arguments.per_topic,
        )
    goal = pb.Goal(
        contract=contract,
        quality_target=arguments.quality_target,
        willingness_to_pay_usd=arguments.willingness_to_pay,
        max_cost_usd=arguments.max_cost,
    )
    deadline = None
    if arguments.needed_within is not None or arguments.deadline_confidence is not None:
        deadline = pb.Deadline(
            needed_within_seconds=arguments.needed_within or 0.0,
            confidence=arguments.deadline_confidence,
        )
    return pb.RouteRequest(
        prompt=sys.stdin.read() if prompt == "-" else prompt,
        goal=goal if goal.ByteSize() else None,
        allowed_tiers=arguments.allow,
        denied_tiers=arguments.deny,
        max_output_tokens=most,
        deadline=deadline,
    )
