"""``python -m bench.growth``: what a decision costs as prompts, tiers, pools or messages grow.

Times are of calls over gRPC, one in flight; instructions are of what the servicer does with a
call's bytes. It needs the packages of training, for artifacts of other tiers, and valgrind for
instructions.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.document import add_flag, write_section
from bench.growth.axes import AXES, Axis
from bench.growth.counts import counts
from bench.growth.figures import Grown, rows_of, table_of
from bench.growth.picture import draw
from bench.growth.setups import engine_metrics, write_setup
from bench.growth.times import measure
from bench.report import write_rows
from router.errors import RouterError


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    names = [axis.name for axis in AXES]
    parser.add_argument("--axes", nargs="+", choices=names, default=names, metavar="AXIS")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a block (0.5)")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (5)")
    parser.add_argument("--no-instructions", action="store_true", help="times only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/bench-growth.json"), metavar="FILE")
    add_flag(parser)
    parser.add_argument("--picture", type=Path, default=Path("build/growth.png"), metavar="FILE")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print tables in Markdown, draw, write; return the exit status."""
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = build_parser().parse_args(given)
    chosen = [axis for axis in AXES if axis.name in arguments.axes]
    try:
        with tempfile.TemporaryDirectory() as root, engine_metrics() as url:
            grown = _grown(chosen, Path(root), url, arguments)
        for one in grown:
            print(f"\n{table_of(one)}")
            write_section(
                arguments.document, f"growth of {one.axis.name}", "bench.growth", given,
                arguments.seed, table_of(one),
            )  # fmt: skip
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    rows = [row for one in grown for row in rows_of(one)]
    note = "Log scale. Time: median of calls over gRPC, one in flight. Instructions: callgrind."
    draw(grown, arguments.picture, note)
    settings = {name: getattr(arguments, name) for name in ("axes", "seconds", "rounds")}
    write_rows(rows, arguments.seed, settings, arguments.out)
    return 0


def _grown(
    axes: Sequence[Axis], root: Path, url: str, arguments: argparse.Namespace
) -> list[Grown]:
    places = {
        point.setup: write_setup(point.setup, root, url) for axis in axes for point in axis.points
    }
    timed = [
        measure(axis, places, root, arguments.seconds, arguments.rounds, arguments.seed)
        for axis in axes
    ]
    found: Sequence[dict[int, float]] = [{} for _ in axes]
    if not arguments.no_instructions:
        found = counts(axes, places, root, arguments.seed)
    return [Grown(*one) for one in zip(axes, timed, found, strict=True)]


if __name__ == "__main__":
    sys.exit(main())
