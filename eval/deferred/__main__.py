"""``python -m eval.deferred``: deferred jobs in virtual time, through crashes and failures.

Prints a Markdown table; every random draw comes from ``--seed``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.deferred.plots import draw_picture
from eval.deferred.tables import SCENARIOS, lines

_CATALOG = Path("data/catalog.example.toml")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the scenarios that are asked for; return 0."""
    parser = argparse.ArgumentParser(prog="python -m eval.deferred", description=__doc__)
    known = [one.name for one in SCENARIOS]
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {known}")
    parser.add_argument("--jobs", type=int, default=10_000, help="of each (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="of every draw (default: 1)")
    parser.add_argument("--catalog", type=Path, metavar="FILE", default=_CATALOG)
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw a picture instead")
    arguments = parser.parse_args(argv)
    if arguments.picture is not None:
        draw_picture(arguments.picture, arguments.catalog)
        return 0
    if unknown := sorted(set(arguments.scenarios) - set(known)):
        parser.error(f"{unknown} given, must be of {known}")
    wanted = arguments.scenarios or known
    for line in lines(arguments.catalog, wanted, arguments.jobs, arguments.seed):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
