"""``python -m eval.pools``: what each way to price a pool of GPUs comes to, in simulation.

Prints Markdown tables to standard output; every random draw comes from ``--seed``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.pools.plots import draw_picture
from eval.pools.tables import COST_SCENARIOS, cost_lines, found, swing_lines, what_if_lines

_TABLES = (*COST_SCENARIOS, "steady", "what-if")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tables that are asked for; return 0."""
    parser = argparse.ArgumentParser(prog="python -m eval.pools", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(_TABLES)}")
    parser.add_argument("--seed", type=int, default=1, help="the first (default: 1)")
    parser.add_argument("--seeds", type=int, default=8, help="how many (default: 8)")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw a picture as well")
    arguments = parser.parse_args(argv)
    unknown = sorted(set(arguments.tables) - set(_TABLES))
    if unknown:
        parser.error(f"{unknown} given, must be of {list(_TABLES)}")
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    if arguments.picture is None or arguments.tables:
        for table in arguments.tables or _TABLES:
            print(f"working on {table}", file=sys.stderr, flush=True)
            for line in _lines(table, seeds):
                print(line, flush=True)
    if arguments.picture is not None:
        draw_picture(arguments.picture, arguments.seed)
    return 0


def _lines(table: str, seeds: Sequence[int]) -> Sequence[str]:
    if table == "steady":
        return list(swing_lines(seeds))
    if table == "what-if":
        return list(what_if_lines(seeds))
    return list(cost_lines(table, found(table, seeds), seeds))


if __name__ == "__main__":
    sys.exit(main())
