"""Command line: ``python -m eval run | report | tables | routellm``.

Here files are read, the work is called, and results are written and printed.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.bootstrap import DRAWS
from eval.evaluate import evaluate
from eval.outcomes import OutcomeTable, read_outcomes
from eval.report import write_report
from eval.results import Results, RouteLLMRow
from eval.results_file import read_results, write_results
from eval.routellm_table import SOURCE, routellm_rows
from eval.tables import agrees, markdown, routellm_table, summary, tables
from router.catalog import load_catalog
from router.engine import build_engine
from router.errors import RouterError
from router.predict.artifact import load_artifact

RESULTS_FILE = "results.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; 0 when it did what was asked, 1 when it could not, 2 on bad arguments."""
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser().parse_args(given)
    arguments.command = f"python -m eval {shlex.join(given)}"
    try:
        return int(arguments.call(arguments))
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        for problem in getattr(error, "problems", ()):
            print(f"  {problem}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    _say(f"reading outcomes from {arguments.data}")
    table = read_outcomes(arguments.data)
    engine = build_engine(load_artifact(arguments.artifact), load_catalog(arguments.catalog))
    results = evaluate(
        engine,
        table,
        seed=arguments.seed,
        draws=arguments.draws,
        command=arguments.command,
        routellm=_routellm_if_there(table),
        progress=_say,
    )
    path = arguments.out / RESULTS_FILE
    write_results(results, path)
    written = read_results(path)  # pictures and tables show what the file says, nothing else
    _draw(written, arguments.out)
    print(summary(written))
    return 0


def _report(arguments: argparse.Namespace) -> int:
    _draw(read_results(arguments.results), arguments.out or arguments.results.parent)
    return 0


def _tables(arguments: argparse.Namespace) -> int:
    print("\n\n".join(tables(read_results(arguments.results), markdown)))
    return 0


def _routellm(arguments: argparse.Namespace) -> int:
    rows = routellm_rows(read_outcomes(arguments.data))
    print(routellm_table(rows))
    return 0 if all(agrees(row) for row in rows) else 1


def _routellm_if_there(table: OutcomeTable) -> tuple[RouteLLMRow, ...]:
    if not (table.source == SOURCE).any():
        _say("no outcomes of RouteLLM among the data: its figures are not reproduced in this run")
        return ()
    return routellm_rows(table)


def _draw(results: Results, out: Path) -> None:
    for path in write_report(results, out):
        _say(f"wrote {path}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="evaluate an artifact on the held-out outcomes")
    run.add_argument("--artifact", type=Path, required=True, help="artifact directory")
    run.add_argument("--catalog", type=Path, required=True, help="catalog file (TOML)")
    run.add_argument("--data", type=Path, required=True, help="directory of outcome files")
    run.add_argument("--out", type=Path, required=True, help="directory for results and report")
    run.add_argument("--seed", type=int, default=0, help="seed of the resampling (default 0)")
    run.add_argument("--draws", type=int, default=DRAWS, help=f"resamples (default {DRAWS})")
    run.set_defaults(call=_run)
    report = commands.add_parser("report", help="draw report and pictures from results.json again")
    report.add_argument("results", type=Path, help="results.json")
    report.add_argument("--out", type=Path, help="directory (default: beside results.json)")
    report.set_defaults(call=_report)
    shown = commands.add_parser("tables", help="print every table of results.json as Markdown")
    shown.add_argument("results", type=Path, help="results.json")
    shown.set_defaults(call=_tables)
    routellm = commands.add_parser("routellm", help="set RouteLLM's published figures beside ours")
    routellm.add_argument(
        "--data", type=Path, default=Path("data/outcomes/routellm.parquet"), help="outcomes"
    )
    routellm.set_defaults(call=_routellm)
    return parser


if __name__ == "__main__":
    sys.exit(main())
