"""Price files survive a round trip; tables of others become rows; catalogs look prices up."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pool_catalog import catalog_with_pool
from price_rows import CATALOG, DAY, INLINE, by_key, plain, row

from router.catalog import load_catalog
from router.cost.book.book import PriceBook
from router.cost.book.lines import load_book, read_rows, write_rows
from router.cost.book.litellm import rows_from_litellm
from router.cost.book.rows import Mode, PriceKey, ServiceTier
from router.cost.book.tariff import Tariff
from router.errors import CatalogError
from router.server.listed import from_catalog, price_warnings


def test_rows_survive_a_file_to_the_last_digit(tmp_path: Path) -> None:
    rows = [
        *plain(valid_from=date(2026, 1, 1), valid_to=date(2027, 1, 1)),
        row("cache_read", "0.0000125", mode=Mode.BATCH, above_input_tokens=200_000),
        row("output", "1E+2", service_tier=ServiceTier.PRIORITY),
    ]
    write_rows(tmp_path / "p.jsonl", rows)
    assert read_rows(tmp_path / "p.jsonl") == rows


def test_a_name_may_hold_what_other_texts_end_lines_with(tmp_path: Path) -> None:
    rows = [replace(row("input", "1"), source=f"a{end}b") for end in "\u2028\x85\x0b\x1c\r"]
    write_rows(tmp_path / "p.jsonl", rows)
    assert read_rows(tmp_path / "p.jsonl") == rows


def test_a_later_file_overrides_an_earlier_one(tmp_path: Path) -> None:
    write_rows(tmp_path / "list.jsonl", plain())
    write_rows(tmp_path / "ours.jsonl", [row("input", "1")])
    found = load_book([tmp_path / "list.jsonl", tmp_path / "ours.jsonl"]).quote(
        PriceKey("acme", "big"), DAY
    )
    assert isinstance(found, Tariff)
    assert found.bands[0].rates[::4] == (1, 10)


LITELLM = {
    "sample_spec": {"input_cost_per_token": 0.0, "deprecation_date": "a date"},
    "acme/deep/big": {
        "litellm_provider": "acme",
        "mode": "chat",
        "input_cost_per_token": 2e-6,
        "input_cost_per_token_above_200k_tokens": 4e-6,
        "input_cost_per_token_above_200k_tokens_priority": 8e-6,
        "input_cost_per_token_batches": 1e-6,
        "input_cost_per_token_priority": 3.5e-6,
        "cache_read_input_token_cost": 2e-7,
        "cache_creation_input_token_cost": 2.5e-6,
        "cache_creation_input_token_cost_above_1hr": 4e-6,
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 8e-6,
        "output_cost_per_token": 1e-5,
        "output_cost_per_token_batches": 5e-6,
        "output_cost_per_token_priority": 1.75e-5,
        "output_cost_per_reasoning_token": 1.2e-5,
        "input_cost_per_audio_token": 1.0,
        "input_cost_per_request": 0.005,
        "deprecation_date": "2026-12-01",
        "supports_vision": True,
    },
    "search": {
        "litellm_provider": "acme",
        "tiered_pricing": [{"max_results_range": [0, 25], "input_cost_per_query": 5e-3}],
    },
    "tiered": {
        "litellm_provider": "acme",
        "tiered_pricing": [
            {"range": [0, 256e3], "input_cost_per_token": 5e-8, "output_cost_per_token": 4e-7},
            {"range": [256e3, 1e6], "input_cost_per_token": 2.5e-7, "output_cost_per_token": 2e-6},
        ],
    },
}  # fmt: skip


@pytest.fixture
def litellm(tmp_path: Path) -> PriceBook:
    path = tmp_path / "model_prices.json"
    path.write_text(json.dumps(LITELLM), encoding="utf-8")
    return PriceBook(rows_from_litellm(path, date(2026, 11, 12), lambda _: True))


def test_a_file_in_litellms_format_gives_every_class_band_mode_and_service_tier(
    litellm: PriceBook,
) -> None:
    key = PriceKey("acme", "deep/big")
    found = litellm.quote(key, DAY)
    assert isinstance(found, Tariff)
    assert [band.above_input_tokens for band in found.bands] == [0, 200_000]
    below, above = (tuple(map(str, band.rates)) for band in found.bands)
    assert below == ("2.0", "0.2", "2.5", "4.0", "10", "12.0") or [*map(Decimal, below)] == [
        2, Decimal("0.2"), Decimal("2.5"), 4, 10, 12,
    ]  # fmt: skip
    assert [*map(Decimal, above)] == [4, Decimal("0.2"), Decimal("2.5"), 8, 10, 12]
    assert (found.usd_per_request, found.ends) == (Decimal("0.005"), date(2026, 12, 1))
    batch = litellm.quote(key._replace(mode=Mode.BATCH), DAY)
    priority = litellm.quote(key._replace(service_tier=ServiceTier.PRIORITY), DAY)
    assert isinstance(batch, Tariff)
    assert isinstance(priority, Tariff)
    assert batch.bands[0].rates[::4] == (1, 5)
    assert [band.rates.uncached_input for band in priority.bands] == [Decimal("3.5"), 8]


def test_ranges_in_litellms_format_are_bands(litellm: PriceBook) -> None:
    found = litellm.quote(PriceKey("acme", "tiered"), DAY)
    assert isinstance(found, Tariff)
    assert [(b.above_input_tokens, b.rates.uncached_input) for b in found.bands] == [
        (0, Decimal("0.05")),
        (256_000, Decimal("0.25")),
    ]


def test_a_catalog_looks_up_prices_by_key_and_applies_its_factor(tmp_path: Path) -> None:
    batch = [row(c, usd, mode=Mode.BATCH) for c, usd in (("input", "1"), ("output", "5"))]
    first = by_key(tmp_path, [*plain(), *batch], "price_factor = 0.5").deployments[0]
    assert first.price is not None
    assert first.batch_price is not None
    assert (first.price.input_usd_per_mtok, first.price.output_usd_per_mtok) == (1.0, 5.0)
    assert first.batch_price.output_usd_per_mtok == 2.5


def test_a_service_tier_is_a_deployments_own(tmp_path: Path) -> None:
    flex = [row("input", "1", service_tier=ServiceTier.FLEX)]
    first = by_key(tmp_path, [*plain(), *flex], 'service_tier = "flex"').deployments[0]
    assert first.price is not None
    assert (first.price.input_usd_per_mtok, first.price.output_usd_per_mtok) == (1.0, 10.0)


def test_other_prices_make_another_catalog(tmp_path: Path) -> None:
    once = by_key(tmp_path, plain()).version
    assert by_key(tmp_path, plain()).version == once
    assert by_key(tmp_path, [*plain(), row("input", "3")]).version != once


@pytest.mark.parametrize(
    ("rows", "problem", "retires_on"),
    [
        (plain("small"), "no price of acme/big", ""),
        (plain(valid_to=DAY), "acme/big was retired on 2026-11-26", "2026-11-26"),
    ],
)
def test_a_deployment_without_a_price_in_force_says_why(
    tmp_path: Path, rows: list[Any], problem: str, retires_on: str
) -> None:
    catalog = by_key(tmp_path, rows)
    assert catalog.deployments[0].price is None
    listed = from_catalog(catalog, "", DAY).tiers[0].deployments[0]
    assert listed.price_problem.startswith(problem)
    assert listed.retires_on == retires_on
    assert not listed.HasField("price_age_days")
    assert any(problem in line for line in price_warnings(catalog, DAY))


def test_a_price_of_tomorrow_never_grows_old_and_is_warned_of(tmp_path: Path) -> None:
    rows = [replace(one, as_of=date(2062, 11, 1)) for one in plain()]
    warnings = price_warnings(by_key(tmp_path, rows), DAY)
    assert "the price of llama-3-8b-self-hosted is said to be read on 2062-11-01" in warnings[0]


def test_a_deployment_on_a_pool_needs_no_price_and_is_not_said_to_lack_one(
    tmp_path: Path,
) -> None:
    path = catalog_with_pool(CATALOG, tmp_path, "http://127.0.0.1:9/metrics")
    catalog = load_catalog(path, DAY)
    own = from_catalog(catalog, "", DAY).tiers[1].deployments[1]
    assert (own.pool, own.price_problem) == ("ours", "")
    assert not [line for line in price_warnings(catalog, DAY) if "own-haiku" in line]
    named = path.read_text(encoding="utf-8").replace(
        'pool = "ours"', 'pool = "ours"\nprice_key = "acme/big"'
    )
    write_rows(tmp_path / "list.jsonl", plain("small"))
    named = named.replace("[[tiers]]", '[prices]\nfiles = ["list.jsonl"]\n\n[[tiers]]', 1)
    path.write_text(named, encoding="utf-8")
    (line,) = [one for one in price_warnings(load_catalog(path, DAY), DAY) if "own-haiku" in one]
    assert line.startswith("own-haiku runs on a pool; the list price it names is not known: no")


def test_a_price_of_null_is_none_in_litellms_format(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    fields = {"input_cost_per_token": 1e-6, "output_cost_per_token": None}
    content = {**fields, "input_cost_per_request": None, "tiered_pricing": None}
    path.write_text(json.dumps({"big": content}), encoding="utf-8")
    (only,) = rows_from_litellm(path, DAY, lambda _: True)
    assert only.price_class == "input"


def test_ages_are_listed_and_old_prices_are_worth_a_warning(tmp_path: Path) -> None:
    catalog = by_key(tmp_path, plain())
    ours = from_catalog(catalog, "", DAY).tiers[0].deployments[0]
    assert (ours.price_age_days, ours.price_is_old) == (25, False)
    assert from_catalog(catalog, "", date(2026, 12, 2)).tiers[0].deployments[0].price_is_old
    (warning,) = price_warnings(catalog, DAY)
    assert warning.startswith("2 of 3 prices were read more than 30 days ago")
    assert price_warnings(by_key(tmp_path, plain(), top="warn_after_days = 9999"), DAY) == []


def test_prices_in_place_may_state_every_class_and_bands(tmp_path: Path) -> None:
    text = CATALOG.read_text(encoding="utf-8").replace(
        INLINE,
        INLINE.rstrip()
        + "\ncache_read_usd_per_mtok = 0.005\nusd_per_request = 0.001\n"
        + "[[deployments.price.bands]]\nabove_input_tokens = 1000\ninput_usd_per_mtok = 0.1\n"
        + "output_usd_per_mtok = 0.16\ncache_read_usd_per_mtok = 0.01\n\n",
        1,
    )
    path = tmp_path / "catalog.toml"
    path.write_text(text, encoding="utf-8")
    price = load_catalog(path).deployments[0].price
    assert price is not None
    assert price.usd_per_request == 0.001
    assert [price.rates(n).cache_read for n in (1000, 1001)] == [0.005, 0.01]
    path.write_text(text.replace("cache_read_usd_per_mtok = 0.01\n", ""), encoding="utf-8")
    with pytest.raises(CatalogError, match=r"bands\[0\].cache_read_usd_per_mtok = None: missing"):
        load_catalog(path)
