"""``python -m eval.tokens``: the token estimate against real tokenizers, by kind of text.

``python -m eval.tokens count --vocabularies DIR`` makes the texts and their counts again.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.tables import aligned
from eval.tokens.count import write_counted
from eval.tokens.measure import KindError, kind_errors
from eval.tokens.texts import DEFAULT_PATH, VOCABULARIES, load_texts
from router.errors import RouterError


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or make the texts; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m eval.tokens", description=__doc__)
    parser.add_argument("--texts", type=Path, default=DEFAULT_PATH, metavar="FILE")
    parser.add_argument("--seed", type=int, default=0)
    commands = parser.add_subparsers(metavar="COMMAND")
    count = commands.add_parser("count", help="make the texts and count them")
    count.add_argument("--vocabularies", type=Path, required=True, metavar="DIR")
    arguments = parser.parse_args(argv)
    try:
        if hasattr(arguments, "vocabularies"):
            written = write_counted(arguments.vocabularies, arguments.texts, arguments.seed)
            print(f"{arguments.texts}: {written} texts")
            return 0
        texts = load_texts(arguments.texts)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    for column, name in enumerate(VOCABULARIES):
        print(f"{name}, {len(texts)} texts, seed {arguments.seed}\n")
        print(table_of(kind_errors(texts, column, arguments.seed)) + "\n")
    return 0


def table_of(errors: Sequence[KindError]) -> str:
    """Return one line a kind; the last three columns are 90th percentiles of the absolute error."""
    head = ["kind", "texts", "mean error", "estimate", "ratio learnt", "characters / 4"]
    rows = [
        [
            one.kind,
            str(one.texts),
            f"{one.mean:+.1%}",
            f"{one.before:.1%}",
            f"{one.after:.1%}",
            f"{one.quarter:.1%}",
        ]
        for one in errors
    ]
    return aligned([head, *rows])


if __name__ == "__main__":
    sys.exit(main())
