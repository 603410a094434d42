"""A price book says what holds on a day, class by class, or why it has no price."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from price_rows import DAY, plain, row

from router.cost.bill import bill
from router.cost.book.book import NoPrice, PriceBook
from router.cost.book.rows import Mode, PriceKey, PriceRow, ServiceTier
from router.cost.book.tariff import Tariff
from router.cost.estimate import cost_parts, expected_cost_usd
from router.cost.usage import Usage

KEY = PriceKey("acme", "big")


def tariff(rows: list[PriceRow], key: PriceKey = KEY, day: date = DAY) -> Tariff:
    found = PriceBook(rows).quote(key, day)
    assert isinstance(found, Tariff)
    return found


def problem(rows: list[PriceRow], key: PriceKey = KEY, day: date = DAY) -> NoPrice:
    found = PriceBook(rows).quote(key, day)
    assert isinstance(found, NoPrice)
    return found


def test_a_class_without_a_row_is_charged_as_the_class_it_is_part_of() -> None:
    rates = tariff([*plain(), row("cache_write_5m", "2.5")]).bands[0].rates
    assert rates.cache_read == rates.uncached_input == 2
    assert rates.cache_write_1h == rates.cache_write_5m == Decimal("2.5")
    assert rates.reasoning == rates.output == 10


def test_a_cliff_reprices_the_whole_request_and_only_above_it() -> None:
    rows = [*plain(), row("input", "4", above_input_tokens=200_000)]
    price = tariff(rows).price()
    assert expected_cost_usd(price, 200_000, 0) == pytest.approx(0.4)
    assert expected_cost_usd(price, 200_001, 0) == pytest.approx(0.800004)
    assert price.rates(200_001).output == 10  # what has no row above the cliff stays


def test_cached_tokens_count_towards_the_cliff() -> None:
    rows = [
        *plain(),
        row("input", "4", above_input_tokens=100),
        row("cache_read", "0.2"),
        row("cache_read", "0.4", above_input_tokens=100),
    ]
    assert bill(Usage(10, 90, 0, 0, 0, 0), tariff(rows)).usd == Decimal("0.000038")
    assert bill(Usage(10, 91, 0, 0, 0, 0), tariff(rows)).usd == Decimal("0.0000764")


def test_of_two_prices_the_one_that_began_last_holds_with_all_its_bands() -> None:
    rows = [
        *plain(),
        row("input", "4", above_input_tokens=1000),
        row("input", "1", valid_from=date(2026, 6, 1)),
    ]
    assert len(tariff(rows, day=date(2026, 5, 31)).bands) == 2
    (band,) = tariff(rows, day=date(2026, 6, 1)).bands
    assert band.rates.uncached_input == 1


def test_of_two_prices_that_began_together_the_later_row_wins() -> None:
    negotiated = tariff([*plain(), row("input", "1.5")])
    assert negotiated.bands[0].rates.uncached_input == Decimal("1.5")


def test_a_mode_or_service_tier_overrides_what_it_prices_and_nothing_else() -> None:
    rows = [
        *plain(),
        row("cache_read", "0.2"),
        *plain(mode=Mode.BATCH)[:1],
        row("output", "5", mode=Mode.BATCH),
        row("input", "1", service_tier=ServiceTier.FLEX),
        row("output", "4", service_tier=ServiceTier.FLEX),
    ]
    batch = tariff(rows, KEY._replace(mode=Mode.BATCH)).bands[0].rates
    flex = tariff(rows, KEY._replace(service_tier=ServiceTier.FLEX)).bands[0].rates
    assert (batch.output, batch.cache_read) == (5, Decimal("0.2"))
    assert (flex.uncached_input, flex.output) == (1, 4)
    assert "priority" in problem(rows, KEY._replace(service_tier=ServiceTier.PRIORITY)).problem


def test_an_unknown_model_has_no_price_and_near_names_are_told() -> None:
    found = problem(plain("big-2"))
    assert found.problem == "no price of acme/big; near it: acme/big-2"
    assert found.retired_on is None


def test_half_a_price_is_none() -> None:
    assert problem([row("input", "2")]).problem == "no price of acme/big for output"


def test_a_retired_model_has_no_price_from_its_last_day_on() -> None:
    rows = plain(valid_to=DAY)
    assert tariff(rows, day=DAY - timedelta(1)).ends == DAY
    assert problem(rows).problem == "acme/big was retired on 2026-11-26"
    assert problem(rows).retired_on == DAY


def test_a_price_that_another_one_follows_is_no_end_of_sale() -> None:
    promotion = row("input", "1", valid_from=DAY, valid_to=DAY + timedelta(7))
    then = row("input", "3", valid_from=DAY + timedelta(7), valid_to=DAY + timedelta(30))
    found = tariff([*plain(), promotion])
    assert (found.bands[0].rates.uncached_input, found.ends) == (1, None)
    input_only, written = plain()
    ends = replace(input_only, valid_to=DAY + timedelta(7))
    assert tariff([ends, written, then]).ends == DAY + timedelta(30)
    assert tariff([ends, written]).ends == DAY + timedelta(7)


def test_a_price_that_has_not_begun_is_no_retirement() -> None:
    found = problem(plain(valid_from=date(2027, 1, 1)))
    assert found.problem == "the price of acme/big begins on 2027-01-01"
    assert found.retired_on is None


def test_a_fee_is_paid_once_a_call() -> None:
    price = tariff([*plain(), row("request", "5000")]).price()
    assert expected_cost_usd(price, 0, 0) == pytest.approx(0.005)
    assert expected_cost_usd(price, 1e6, 0) == pytest.approx(2.005)


RATES = st.integers(0, 10**7).map(lambda milli: Decimal(milli) / 1000)
COUNTS = st.integers(0, 10**6)


@settings(max_examples=100, deadline=None)
@given(st.lists(RATES, min_size=7, max_size=7), st.lists(COUNTS, min_size=6, max_size=6))
def test_what_the_path_expects_is_what_the_bill_says_to_a_float(
    rates: list[Decimal], counts: list[int]
) -> None:
    classes = (
        "input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "request",
    )  # fmt: skip
    rows = [row(name, str(usd)) for name, usd in zip(classes, rates, strict=True)]
    counts[3] = 0  # the path writes caches for the short time only
    usage = Usage(*counts)
    parts = cost_parts(
        tariff(rows).price(),
        usage.total_input,
        usage.total_output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write_5m,
        reasoning_tokens=usage.reasoning,
    )
    exact = bill(usage, tariff(rows))
    assert sum(parts) == pytest.approx(float(exact.usd), rel=1e-9, abs=1e-15)
    assert exact.nano_usd == round(exact.usd * 10**9)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1e7), st.floats(0, 1e6))
def test_the_parts_of_an_expected_cost_add_up_to_it(tokens_in: float, tokens_out: float) -> None:
    rows = [*plain(), row("output", "15", above_input_tokens=200_000), row("request", "100")]
    price = tariff(rows).price(0.9)
    whole = expected_cost_usd(price, tokens_in, tokens_out)
    assert sum(cost_parts(price, tokens_in, tokens_out)) == pytest.approx(whole)
