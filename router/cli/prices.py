"""``prices``: what a catalog's deployments cost, whether that is known and fresh, and imports.

Price files are written here from tables of others; a server reads only what was written.
"""

import argparse
import fnmatch
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

from router.catalog import load_catalog
from router.cli.table import lines_of_table
from router.cost.book.genai import rows_from_genai_prices
from router.cost.book.lines import write_rows
from router.cost.book.litellm import rows_from_litellm
from router.cost.price import Price
from router.defaults import default_catalog_path
from router.errors import PriceError
from router.server.listed import price_warnings

GENAI_PRICES = "genai-prices"


def add_prices(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``prices`` with its three commands."""
    parser = commands.add_parser("prices", help="show, check or import the prices of a catalog")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, run, text in (
        ("show", show, "list every rate of every deployment"),
        ("check", check, "exit status 1 if a price is unknown, ended or old"),
    ):
        action = actions.add_parser(name, help=text, description=f"For a catalog: {text}.")
        action.add_argument("--catalog", type=Path, metavar="FILE", default=default_catalog_path())
        action.add_argument("--day", type=_day, metavar="DAY", help="as of this day (today)")
        action.set_defaults(run=run)
    action = actions.add_parser(
        "import",
        help="write a price file from a table of others",
        description="Write the rows of models from genai-prices (the package, extra 'prices') or "
        "from a file in LiteLLM's format. Name the file in the catalog's [prices] files.",
    )
    action.add_argument("table", metavar="TABLE", help=f'"{GENAI_PRICES}", or a JSON file')
    action.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="PROVIDER/MODEL",
        help='as the table names it, may hold "*"; again for more',
    )
    action.add_argument("--as-of", type=_day, required=True, metavar="DAY", help="of the table")
    action.add_argument("--out", type=Path, required=True, metavar="FILE")
    action.set_defaults(run=import_prices)


def _day(text: str) -> date:
    return date.fromisoformat(text)


def show(arguments: argparse.Namespace) -> int:
    """Print every rate of every deployment; return 0."""
    day = arguments.day or datetime.now(UTC).date()
    rows: list[tuple[str, ...]] = []
    for item in load_catalog(arguments.catalog, day).deployments:
        if item.price is None:
            rows.append((item.id, "", *("",) * 6, item.price_problem))
            continue
        rows += _rows_of_price(item.id, item.price, day)
        if item.batch_price is not None:
            rows += _rows_of_price(f"{item.id} (batch)", item.batch_price, day)
        if item.flex_price is not None:
            rows += _rows_of_price(f"{item.id} (flex)", item.flex_price, day)
    header = ("deployment", "above", "in", "read", "write", "long", "out", "reason", "from")
    print("\n".join(lines_of_table(header, rows, right=range(1, 8))))
    print(
        "\nUSD per million tokens: input, cache read, cache write for the short and the long time, "
        "output, reasoning."
    )
    return 0


def _rows_of_price(name: str, price: Price, day: date) -> list[tuple[str, ...]]:
    origin = f"{price.as_of}, {price.age_days(day)} days old: {price.source}"
    if price.usd_per_request:
        origin = f"USD {price.usd_per_request:g} a call; {origin}"
    rows = [
        (name, f"{above:,}" if above else "", *(f"{rate:.7g}" for rate in rates), origin)
        for above, rates in price.bands or [(0, price.rates(0.0))]
    ]
    return [rows[0], *(("", *row[1:-1], "") for row in rows[1:])]


def check(arguments: argparse.Namespace) -> int:
    """Print what is wrong with a catalog's prices; return 1 if anything is."""
    day = arguments.day or datetime.now(UTC).date()
    catalog = load_catalog(arguments.catalog, day)
    warnings = price_warnings(catalog, day)
    for line in warnings:
        print(line)
    if not warnings:
        print(f"ok: all {len(catalog.deployments)} prices are known and fresh")
    return 1 if warnings else 0


def import_prices(arguments: argparse.Namespace) -> int:
    """Write a price file; return 0.

    Raises:
        PriceError: the table is refused, or a pattern matches nothing in it.
    """
    found: Counter[str] = Counter()

    def wanted(name: str) -> bool:
        matching = [one for one in arguments.model if fnmatch.fnmatchcase(name, one)]
        found.update(matching)
        return bool(matching)

    if arguments.table == GENAI_PRICES:
        rows = rows_from_genai_prices(arguments.as_of, wanted)
    else:
        rows = rows_from_litellm(Path(arguments.table), arguments.as_of, wanted)
    for pattern in arguments.model:
        if not found[pattern]:
            raise PriceError(
                f"{arguments.table}: no model is {pattern!r}; give provider/model as the table "
                f"names it, or a pattern such as '*{pattern.rpartition('/')[2]}*'",
                metadata={"given": pattern},
            )
    write_rows(arguments.out, rows)
    models = {f"{row.provider}/{row.model}" for row in rows}
    print(
        f"{arguments.out}: {len(rows)} prices of {len(models)} models: {', '.join(sorted(models))}"
    )
    return 0
