"""docs/pools.md names every key, every engine's metrics and the figures of break-even."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from router.catalog import load_catalog
from router.cost.pools import stated
from router.cost.pools.average import average_usd
from router.cost.pools.break_even import break_even
from router.cost.pools.engines import ENGINES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "pools.md").read_text(encoding="utf-8")
CATALOG = load_catalog(ROOT / "data" / "catalog.pools.toml")
ROWS = re.findall(
    r"^\| ([^|]+?) \|\s*([^|]*?)\s*\| ([\d.]+) B \| ([\d.]+) %",
    DOCUMENT,
    re.MULTILINE,
)


def test_the_document_has_a_row_for_every_key() -> None:
    keys = stated.POOL_KEYS | stated.THROUGHPUT_KEYS | stated.MEASURED_KEYS
    keys |= stated.COLD_START_KEYS | stated.LOAD_KEYS
    assert {key for key in keys if f"\n| `{key}` |" not in DOCUMENT} == set()


def test_the_document_names_every_engine_and_what_is_read_first() -> None:
    for engine, names in ENGINES.items():
        assert f'`"{engine}"`' in DOCUMENT
        assert names.waiting[0][0] in DOCUMENT


def test_the_break_even_table_is_what_the_command_computes() -> None:
    assert len(ROWS) == 10
    prices = {
        "cheapest": (0.10, 0.32),
        "host of": (0.72, 0.72),
        "gpt": (1.25, 10),
        "claude": (2, 10),
    }
    dear = (0.0, 0.0)
    for against, flags, tokens, share in ROWS:
        dear = next((dear for key, dear in prices.items() if against.startswith(key)), dear)
        pool = CATALOG.pools[0]
        if "operations" in flags:
            pool = replace(pool, operations_usd_per_month=4000.0)
        if "6.88" in flags:
            pool = replace(pool, usd_per_gpu_hour=6.88)
        if "0.4" in flags:
            pool = replace(pool, discount=0.4)
        point = break_even(pool, *dear, 8.0 if "8" in flags and "input" in flags else 1.0)
        assert 100 * point.utilisation == pytest.approx(float(share), abs=0.06)
        month = point.output_tokens_per_day * 365 / 12 / 1e9
        assert month == pytest.approx(float(tokens), rel=0.02)


def test_the_average_costs_are_what_the_command_computes() -> None:
    for share, shown in ((1.0, "0.37"), (0.6, "0.62"), (0.2, "1.85"), (0.05, "7.42")):
        cost = average_usd(CATALOG.pools[0], 1e6, 1e6, share)
        assert f"{cost:.2f}" == shown
        assert shown in DOCUMENT
