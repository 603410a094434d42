"""``python -m bench``: every figure of the service in one run, beside its floor and its target."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.calls import Plan, call_rows
from bench.document import add_flag, write_section
from bench.footprint import directory_bytes, import_seconds, install_bytes, start_seconds
from bench.load import Clients
from bench.report import Row, publish, table_of_rows
from bench.server import MeasuredServer
from bench.stages import stage_times
from router import load_engine
from router.config import Config
from router.defaults import default_artifact_directory, default_catalog_path
from router.engine import Engine
from router.errors import RouterError

_MEGA = 1e6


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a block (1)")
    parser.add_argument("--rounds", type=int, default=7, help="alternating rounds (7)")
    parser.add_argument("--quick", action="store_true", help="0.3 s a block, 3 rounds")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"), metavar="FILE")
    parser.add_argument("--artifact", type=Path, default=default_artifact_directory())
    parser.add_argument("--catalog", type=Path, default=default_catalog_path())
    parser.add_argument("--threads", type=int, default=Config().threads, help="of the server")
    parser.add_argument("--clients", type=int, default=2, help="client processes (2)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--server",
        choices=("asyncio", "threads"),
        default="asyncio",
        help="threads is there for docs/decisions/0003 and measures Route only",
    )
    parser.add_argument("--calls-only", action="store_true", help="only latency and throughput")
    add_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write; return the exit status."""
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = build_parser().parse_args(given)
    if arguments.quick:
        arguments.seconds, arguments.rounds = 0.3, 3
    try:
        rows = measure(arguments)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    names = ("seconds", "rounds", "threads", "clients", "server")
    settings = {name: getattr(arguments, name) for name in names}
    publish(rows, arguments.seed, settings, arguments.out)
    text = table_of_rows(rows)
    write_section(arguments.document, "service", "bench", given, arguments.seed, text)
    return 0


def measure(arguments: argparse.Namespace) -> list[Row]:
    """Return all rows."""
    plan = Plan(arguments.seconds, arguments.rounds, arguments.seed)
    engine = load_engine(arguments.artifact, arguments.catalog)  # refused here, not in a child
    with tempfile.TemporaryDirectory() as directory:
        config = Config(
            address="127.0.0.1:0",
            artifact=arguments.artifact,
            catalog=arguments.catalog,
            store=Path(directory, "outcomes.sqlite3"),
            threads=arguments.threads,
        )
        with MeasuredServer.start(config, arguments.server) as server:
            with Clients(server.address, arguments.clients) as clients:
                rows = call_rows(clients, plan, with_batch=arguments.server == "asyncio")
            resident = server.stop()
    rows.append(Row("peak resident memory of the server", resident / _MEGA, "MB", at_most=300.0))
    if arguments.calls_only:
        return rows
    return [*rows, *_footprint_rows(arguments), *_stage_rows(engine, arguments)]


def _footprint_rows(arguments: argparse.Namespace) -> list[Row]:
    runs = max(arguments.rounds, 1)
    sizes = install_bytes()
    return [
        Row("start of serve to SERVING", start_seconds(arguments.artifact, runs), "s", at_most=2.0),
        Row("import router", import_seconds(runs), "s", at_most=0.5),
        Row(f"serving install, {len(sizes)} packages", sum(sizes.values()) / _MEGA, "MB"),
        Row("artifact", directory_bytes(arguments.artifact) / _MEGA, "MB", at_most=12.0),
    ]


def _stage_rows(engine: Engine, arguments: argparse.Namespace) -> list[Row]:
    calls = 60 if arguments.quick else 400
    return [
        Row(f"stage, {tokens} tokens: {name}", value, "us")
        for tokens in (100, 500)
        for name, value in stage_times(engine, tokens, calls, arguments.seed).items()
    ]


if __name__ == "__main__":
    sys.exit(main())
