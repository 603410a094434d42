"""Bad catalogs, configurations and outcome stores."""

import sqlite3
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from bad_inputs import BadFile

from router.catalog import load_catalog, parse_catalog
from router.config import Config
from router.config_sources import load_config
from router.errors import CatalogError, ConfigError, StoreError
from router.ledger.audits import AuditStore
from router.ledger.lines import LineLog
from router.ledger.store import OutcomeStore

CATALOG = Path(__file__).with_name("catalog.toml")


def edited(old: str, new: str) -> Callable[[Path], object]:
    """Load the test catalog with one piece of text replaced."""

    def load(_: Path) -> object:
        text = CATALOG.read_text(encoding="utf-8")
        if old not in text:
            raise LookupError(f"{old!r} is not in {CATALOG}")
        Path("catalog.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
        return load_catalog(Path("catalog.toml"))

    return load


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Parse the content of the test catalog after a change."""

    def parse(_: Path) -> object:
        content = tomllib.loads(CATALOG.read_text(encoding="utf-8"))
        change(content)
        return parse_catalog(content, "catalog.toml")

    return parse


def bad_catalog(given: str, make: Callable[[Path], object], message: str) -> BadFile:
    return BadFile(given, make, CatalogError, "CATALOG_INVALID", f"catalog.toml: {message}")


def goal(**keys: float) -> Callable[[dict[str, Any]], object]:
    return lambda content: content.update(default_goal=keys)


CATALOGS = [
    bad_catalog(
        "a catalog that is not there",
        lambda _: load_catalog(Path("catalog.toml")),
        "there is no such catalog; give an existing file, for example data/catalog.toml",
    ),
    bad_catalog(
        "a line that is not TOML",
        edited('name = "default"', "name = default"),
        "not readable as TOML: Invalid value (at line 3, column 8)",
    ),
    bad_catalog(
        "a format of a later release",
        edited("format = 1", "format = 2"),
        "format = 2: this release reads format 1",
    ),
    bad_catalog(
        "a misspelt key",
        edited("tools = true", "tool = true"),
        "deployments[1].tool = True: unknown key; known keys: ['batch_file', 'batch_price', "
        "'completion', 'context_window_tokens', 'flex_price', 'id', 'json_schema', 'kind', "
        "'max_output_tokens', 'model', 'pool', 'price', 'price_factor', 'price_key', "
        "'prompt_cache', 'provider', 'residency', 'service_tier', 'third_party', "
        "'tier', 'tokenizer', 'tools', 'vision']",
    ),
    bad_catalog(
        "a deployment without an id",
        edited('id = "claude-3-haiku"', ""),
        "deployments[1].id = None: missing; it must be given",
    ),
    bad_catalog(
        "two deployments of one id",
        edited('id = "claude-3-5-sonnet"', 'id = "claude-3-haiku"'),
        "deployments[2].id = 'claude-3-haiku': used twice; must be unique",
    ),
    bad_catalog(
        "two tiers of one name",
        edited('name = "medium"', 'name = "small"'),
        "tiers[1].name = 'small': used twice; must be unique",
    ),
    bad_catalog(
        "a deployment of a tier that is not listed",
        edited('tier = "medium"', 'tier = "middle"'),
        "deployments[1].tier = 'middle': must name one of the tiers ['small', 'medium', 'large']",
    ),
    bad_catalog(
        "a tier nobody serves",
        edited('tier = "medium"', 'tier = "small"'),
        "deployments = ['large', 'small']: tier 'medium' has no deployment",
    ),
    bad_catalog(
        "a kind of deployment that is not known",
        edited('kind = "gpu"', 'kind = "tpu"'),
        "deployments[0].kind = 'tpu': must be one of ['api', 'gpu']",
    ),
    bad_catalog(
        "a negative price",
        edited("input_usd_per_mtok = 0.25", "input_usd_per_mtok = -0.25"),
        "deployments[1].price.input_usd_per_mtok = -0.25: must be a finite number >= 0.0",
    ),
    bad_catalog(
        "a price in words",
        edited("output_usd_per_mtok = 15.0", 'output_usd_per_mtok = "15 USD"'),
        "deployments[2].price.output_usd_per_mtok = '15 USD': must be a finite number >= 0.0",
    ),
    bad_catalog(
        "a price without its day",
        edited("as_of = 2025-04-01", 'as_of = "spring"'),
        "deployments[0].price.as_of = 'spring': must be a date such as 2026-11-01, without quotes",
    ),
    bad_catalog(
        "a price key beside a price",
        edited("vision = true", 'price_key = "acme/big"'),
        "deployments[1].price = …: given beside price_key; give one of them",
    ),
    bad_catalog(
        "a service tier without a price key",
        edited("vision = true", 'service_tier = "flex"'),
        "deployments[1].service_tier = 'flex': goes with price_key only; give that too",
    ),
    bad_catalog(
        "price files as one text",
        edited("[[tiers]]", '[prices]\nfiles = "prices.jsonl"\n[[tiers]]'),
        "prices.files = 'prices.jsonl': must be a list of paths, list prices first",
    ),
    bad_catalog(
        "a cache that keeps prompts for no time",
        edited(
            "vision = true",
            "prompt_cache = { ttl_seconds = 0, min_tokens = 1024, hit_rate = 0.9 }",
        ),
        "deployments[1].prompt_cache.ttl_seconds = 0: must be a finite number > 0.0",
    ),
    bad_catalog(
        "a context window of 0",
        edited("context_window_tokens = 8192", "context_window_tokens = 0"),
        "deployments[0].context_window_tokens = 0: must be a whole number from 1 to 100000000",
    ),
    bad_catalog(
        "a flag in quotes",
        edited("vision = true", 'vision = "yes"'),
        "deployments[1].vision = 'yes': must be true or false",
    ),
    bad_catalog(
        "residency as one text",
        edited('residency = ["us"]', 'residency = "us"'),
        "deployments[1].residency = 'us': must be a list of non-empty strings",
    ),
    bad_catalog(
        "a default goal with both rules",
        changed(goal(quality_target=0.9, willingness_to_pay_usd=0.1)),
        "default_goal.quality_target = 0.9: exactly one of quality_target, "
        "willingness_to_pay_usd and contract must be set",
    ),
    bad_catalog(
        "a default target in percent",
        changed(goal(quality_target=90)),
        "default_goal.quality_target = 90: must be a finite number >= 0.0 and <= 1.0",
    ),
    bad_catalog(
        "no tiers",
        changed(lambda content: content.update(tiers=[])),
        "tiers = []: must be one or more [[tiers]] tables",
    ),
]


def config(text: str = "", **variables: str) -> Callable[[Path], object]:
    """Load a configuration file of this text, under these variables."""

    def load(_: Path) -> object:
        Path("router.toml").write_text(text, encoding="utf-8")
        environment: Mapping[str, str] = {f"ROUTER_{k}": v for k, v in variables.items()}
        return load_config(Path("router.toml"), environment)

    return load


def bad_config(given: str, make: Callable[[Path], object], message: str) -> BadFile:
    return BadFile(given, make, ConfigError, "CONFIG_INVALID", message)


KEYS = str(sorted(item.name for item in fields(Config)))
CONFIGS = [
    bad_config(
        "a configuration file that is not there",
        lambda _: load_config(Path("router.toml"), {}),
        "router.toml: not readable as TOML: [Errno 2] No such file or directory: 'router.toml'",
    ),
    bad_config(
        "a misspelt key",
        config("thread = 8"),
        f"router.toml: thread = 8: unknown key; known keys: {KEYS}",
    ),
    bad_config(
        "a misspelt variable",
        config(ADRESS="127.0.0.1:1"),
        "environment (ROUTER_*): adress = '127.0.0.1:1': unknown key; known keys: " + KEYS,
    ),
    bad_config(
        "no threads",
        config("threads = 0"),
        "router.toml: threads = 0: must be a whole number from 1 to 256",
    ),
    bad_config(
        "a number in words",
        config(MAX_BATCH="many"),
        "environment (ROUTER_*): max_batch = 'many': must be a whole number from 1 to 1000000",
    ),
    bad_config(
        "an address without a port",
        config('address = "localhost"'),
        "router.toml: address = 'localhost': must be host:port",
    ),
    bad_config(
        "a port above 65535",
        config(ADDRESS="localhost:70000"),
        "environment (ROUTER_*): address = 'localhost:70000': must be host:port",
    ),
    bad_config(
        "a log level that is not known",
        config('log_level = "loud"'),
        "router.toml: log_level = 'loud': must be one of ['debug', 'info', 'warning', 'error']",
    ),
    bad_config(
        "a decision log that is the store",
        config('decision_log = "here/log"\nstore = "./here/../here/log"'),
        "configuration: decision_log = 'here/log': is store, too; give each a file of its own",
    ),
    bad_config(
        "a canary without its share",
        config('canary = "build/artifact"'),
        "configuration: canary = 'build/artifact': canary and canary_share above 0 go together",
    ),
    bad_config(
        "a share without its shadow",
        config("shadow_share = 0.1"),
        "configuration: shadow_share = 0.1: shadow and shadow_share above 0 go together",
    ),
    bad_config(
        "AdminService of several workers that follow nothing",
        config("admin = true\nworkers = 2"),
        "configuration: choice = None: with admin and 2 workers a file must be given by which all "
        "of them follow a change that one was asked for, such as router-choice.json",
    ),
    bad_config(
        "AdminService for everybody",
        config("admin = true", ADDRESS="0.0.0.0:50051"),
        "configuration: admin = True: without api_keys AdminService has no guard, so it is served "
        "on a loopback address only, and not on 0.0.0.0:50051: give api_keys, or listen on "
        "127.0.0.1",
    ),
    bad_config(
        "a log format that is not known",
        config(LOG_FORMAT="xml"),
        "environment (ROUTER_*): log_format = 'xml': must be one of ['text', 'json']",
    ),
    bad_config(
        "no workers",
        config("workers = 0"),
        "router.toml: workers = 0: must be a whole number from 1 to 64",
    ),
    bad_config(
        "a metrics address without a port",
        config('metrics_address = "localhost"'),
        "router.toml: metrics_address = 'localhost': must be host:port",
    ),
    bad_config(
        "an endless drain delay",
        config("drain_delay_seconds = 86400"),
        "router.toml: drain_delay_seconds = 86400: must be a finite number >= 0.0 and <= 3600.0",
    ),
    bad_config(
        "a negative grace time",
        config("grace_seconds = -1"),
        "router.toml: grace_seconds = -1: must be a finite number >= 0.0 and <= 3600.0",
    ),
    bad_config(
        "an audit share in percent",
        config("audit_share = 2"),
        "router.toml: audit_share = 2: must be a finite number >= 0.0 and <= 1.0",
    ),
    bad_config(
        "a health address without a port",
        config('health_address = "0.0.0.0"'),
        "router.toml: health_address = '0.0.0.0': must be host:port",
    ),
    bad_config(
        "no requests a second",
        config("caller_requests_per_second = 0"),
        "router.toml: caller_requests_per_second = 0: must be a finite number > 0.0 and <= "
        "1000000.0",
    ),
    bad_config(
        "a negative exploration share",
        config(EXPLORATION_SHARE="-0.1"),
        "environment (ROUTER_*): exploration_share = -0.1: must be a finite number >= 0.0 and <= "
        "1.0",
    ),
]


def other_schema(_: Path) -> object:
    connection = sqlite3.connect("outcomes.sqlite3")
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    return OutcomeStore(Path("outcomes.sqlite3"))


def not_sqlite(_: Path) -> object:
    Path("outcomes.sqlite3").write_text("request_id,quality\n" * 100, encoding="utf-8")
    return OutcomeStore(Path("outcomes.sqlite3"))


def log_in_no_directory(_: Path) -> object:
    return LineLog(Path("missing/decisions.jsonl"), str)


def bad_store(given: str, make: Callable[[Path], object], message: str) -> BadFile:
    return BadFile(given, make, StoreError, "STORE_UNAVAILABLE", message)


STORES = [
    bad_store(
        "a store that is not an SQLite file",
        not_sqlite,
        "outcomes.sqlite3: cannot be used as an outcome store (file is not a database); give a "
        "writable path whose directory exists, or another file",
    ),
    bad_store(
        "a store in a directory that is not there",
        lambda _: OutcomeStore(Path("missing/outcomes.sqlite3")),
        "missing/outcomes.sqlite3: cannot be used as an outcome store (unable to open database "
        "file); give a writable path whose directory exists, or another file",
    ),
    bad_store(
        "a directory as the store of a server",
        lambda place: OutcomeStore(place, must_open=False),
        "…: cannot be used as an outcome store (unable to open database file); give a writable "
        "path whose directory exists, or another file",
    ),
    bad_store(
        "a store of a later release",
        other_schema,
        "outcomes.sqlite3: schema version 9; this release reads 1: give another file",
    ),
    bad_store(
        "a store of audits in a directory that is not there",
        lambda _: AuditStore(Path("missing/outcomes.sqlite3")),
        "missing/outcomes.sqlite3: cannot be used as a store of audits (unable to open database "
        "file); give a writable path whose directory exists, or another file",
    ),
    bad_store(
        "a decision log in a directory that is not there",
        log_in_no_directory,
        "missing/decisions.jsonl: cannot be used as a log ([Errno 2] No such file or directory: "
        "'missing/decisions.jsonl'); give a writable path whose directory exists",
    ),
]
