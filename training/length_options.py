"""What the commands that measure output lengths are told, and how they end.

They are ``training.length_bounds_table`` and ``training.cost_interval``.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from eval.outcomes import OutcomeTable, read_outcomes
from router.catalog import Catalog
from router.defaults import default_catalog_path
from router.errors import RouterError
from training.labels import rows_with_tiers


def length_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of ``--data``, ``--catalog`` and ``--seed`` for ``python -m MODULE``."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--data", type=Path, default=Path("data/outcomes"), help="outcomes")
    parser.add_argument("--catalog", type=Path, default=default_catalog_path(), help="catalog file")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: 0)")
    return parser


def tier_outcomes(paths: Path | list[Path], catalog: Catalog) -> tuple[OutcomeTable, OutcomeTable]:
    """Return the rows with an outcome of every tier: of all models, and of the tiers' own.

    Raises:
        DataError: a file is missing or refused.
    """
    usable = rows_with_tiers(read_outcomes(paths), catalog)
    return usable, usable.for_models([tier.reference_model for tier in catalog.tiers])


def print_or_refuse(table: Callable[[], str]) -> int:
    """Print a table and return 0; or 1, with the reason on standard error, if it is refused."""
    try:
        print(table())
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    return 0
