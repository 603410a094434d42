"""Command line: ``python -m eval.peers scores | shipped | pairs`` (docs/peers.md)."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.outcomes import read_outcomes
from eval.peers.scores import read_scores, write_scores
from eval.tables import aligned
from router.catalog import load_catalog
from router.defaults import default_catalog_path
from router.errors import RouterError

SCORES = Path("data/peers/scores.parquet")
# Sources whose prompts are scored: those of the default tiers, and RouteLLM's.
SOURCES = ("zeroeval", "bfcl", "routellm")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; 0 when it did what was asked, 1 when it could not, 2 on bad arguments."""
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser().parse_args(given)
    arguments.command = f"python -m eval.peers {shlex.join(given)}"
    try:
        return int(arguments.call(arguments))
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1


def _scores(arguments: argparse.Namespace) -> int:
    from eval.peers.make import Task, make_scores

    table = read_outcomes(arguments.data)
    task = Task(
        table=table.select(np.isin(table.source, SOURCES)),
        catalog=load_catalog(arguments.catalog),
        texts=arguments.texts,
        seed=arguments.seed,
        folds=arguments.folds,
    )
    write_scores(make_scores(task, arguments.command, _say), arguments.out)
    _say(f"wrote {arguments.out}: {arguments.out.stat().st_size} bytes")
    return 0


def _shipped(arguments: argparse.Namespace) -> int:
    from eval.peers.shipped import belief_rows, shipped_rows

    table, catalog = read_outcomes(arguments.data), load_catalog(arguments.catalog)
    scores = read_scores(arguments.scores)
    print(aligned(shipped_rows(table, catalog, scores)))
    print()
    print(aligned(belief_rows(table, catalog, scores)))
    return 0


def _pairs(arguments: argparse.Namespace) -> int:
    from eval.peers.pairs import pair_table

    table = read_outcomes(arguments.data)
    print(aligned(pair_table(table, read_scores(arguments.scores), arguments.seed)))
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.peers", description=__doc__)
    commands = parser.add_subparsers(required=True)
    scores = commands.add_parser("scores", help="score the prompts with the peers' packages")
    scores.add_argument("--texts", type=Path, required=True, help="folder of the collected texts")
    scores.add_argument("--out", type=Path, default=SCORES, help="file to write")
    scores.add_argument("--folds", type=int, default=5, help="as in make crossval")
    scores.set_defaults(call=_scores)
    pairs = commands.add_parser("pairs", help="LiteLLM's scores on RouteLLM's two tables")
    pairs.set_defaults(call=_pairs)
    shipped = commands.add_parser("shipped", help="LiteLLM's routers with their own thresholds")
    shipped.set_defaults(call=_shipped)
    for command in (pairs, shipped):
        command.add_argument("--scores", type=Path, default=SCORES, help="file of scores")
    for command in (scores, pairs, shipped):
        command.add_argument("--data", type=Path, default=Path("data/outcomes"), help="outcomes")
        command.add_argument("--catalog", type=Path, default=default_catalog_path())
        command.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
