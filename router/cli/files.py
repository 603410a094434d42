"""``tiers``, ``check`` and ``outcomes``: what catalog, artifact and outcome store hold."""

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from router import load_engine
from router.catalog import load_catalog
from router.cli.connection import add_connection, client_of
from router.cli.explain import goal_in_words
from router.cli.table import lines_of_table
from router.config_sources import load_config
from router.defaults import default_artifact_directory, default_catalog_path
from router.errors import StoreError
from router.ledger.store import OutcomeStore
from router.server.listed import from_catalog, price_warnings
from router.v1 import router_pb2 as pb


def add_tiers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``tiers``."""
    parser = commands.add_parser("tiers", help="list tiers and deployments with their prices")
    parser.add_argument("--address", metavar="HOST:PORT", help="ask this server")
    parser.add_argument(
        "--catalog", type=Path, metavar="FILE", default=default_catalog_path(), help="catalog file"
    )
    add_connection(parser)
    parser.set_defaults(run=tiers)


def tiers(arguments: argparse.Namespace) -> int:
    """Print the tiers of a server or of a catalog file; return 0."""
    if arguments.address:
        with client_of(arguments) as client:
            listed = client.list_tiers()
    else:
        listed = from_catalog(load_catalog(arguments.catalog), "", datetime.now(UTC).date())
    print("\n".join(lines_of_tiers(listed)))
    return 0


def lines_of_tiers(listed: pb.ListTiersResponse) -> list[str]:
    """Return a table of deployments, lowest tier first, and the default goal."""
    rows = []
    for tier in listed.tiers:
        for item in tier.deployments:
            flags = (("tools", item.tools), ("vision", item.vision), ("json", item.json_schema))
            rows.append(
                (
                    tier.name,
                    item.id,
                    item.kind,
                    _price(item, "input_usd_per_mtok"),
                    _price(item, "output_usd_per_mtok"),
                    item.price_date,
                    f"{item.context_window_tokens:,}",
                    f"{item.max_output_tokens:,}",
                    " ".join([name for name, has in flags if has] + list(item.residency)),
                )
            )
    header = (
        "tier", "deployment", "kind", "USD/Mtok in", "out", "as of", "window", "output", "can",
    )  # fmt: skip
    last = (
        f"Default goal: {goal_in_words(listed.default_goal)}. An answer of quality "
        f"{listed.adequate_quality:g} or more counts as adequate. Catalog "
        f"{listed.catalog_version}."
    )
    return [*lines_of_table(header, rows, right=(3, 4, 6, 7)), "", last]


def _price(item: pb.Deployment, field: str) -> str:
    if item.pool:
        return "pool"
    known = item.HasField(field)  # type: ignore[arg-type]  # one of two literals
    return f"{getattr(item, field):g}" if known else "unknown"


def add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``check``."""
    parser = commands.add_parser(
        "check",
        help="check a catalog and an artifact, and that they fit each other",
        description="Load and verify a catalog and an artifact (hashes, formats, golden rows) and "
        "join them, as a server does at its start. Exit status 1 and one line when refused.",
    )
    parser.add_argument("--catalog", type=Path, metavar="FILE", default=default_catalog_path())
    parser.add_argument(
        "--artifact", type=Path, metavar="DIR", default=default_artifact_directory()
    )
    parser.set_defaults(run=check)


def check(arguments: argparse.Namespace) -> int:
    """Print what catalog and artifact are once both have passed; return 0."""
    engine = load_engine(arguments.artifact, arguments.catalog)
    catalog, artifact = engine.catalog, engine.artifact
    print(
        f"catalog   {arguments.catalog}: {catalog.name!r}, version {catalog.version}, tiers "
        f"{', '.join(catalog.tier_names)}, {len(catalog.deployments)} deployments"
    )
    print(
        f"artifact  {arguments.artifact}: version {artifact.version}, encoder "
        f"{artifact.encoder.info.name}, golden rows reproduced"
    )
    for warning in price_warnings(catalog, datetime.now(UTC).date()):
        print(f"prices    {warning}")
    print("ok: they fit each other")
    return 0


def add_outcomes(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``outcomes``."""
    parser = commands.add_parser("outcomes", help="list recorded outcomes as JSON lines")
    parser.add_argument("--store", type=Path, metavar="FILE", help="SQLite file of outcomes")
    parser.set_defaults(run=outcomes)


def outcomes(arguments: argparse.Namespace) -> int:
    """Print every recorded outcome; return 0.

    Raises:
        StoreError: there is no such file, or it is not an outcome store.
    """
    path = arguments.store or load_config().store
    if not path.is_file():  # opening would create it
        raise StoreError(
            f"{path}: there is no such outcome store; give the file the server was started with",
            metadata={"file": str(path)},
        )
    store = OutcomeStore(path)
    try:
        for outcome in store:
            print(json.dumps(asdict(outcome), sort_keys=True))
    finally:
        store.close()
    return 0
