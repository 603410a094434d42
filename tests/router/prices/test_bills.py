"""What a reported usage costs, by our rows and counting, is what genai-prices says to the digit.

Needs genai-prices (in the extra "dev").
"""

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from price_rows import DAY
from reported_usage import REPORTED, Reported

from router.cost.bill import Bill, bill
from router.cost.book.book import NoPrice, PriceBook
from router.cost.book.genai import rows_from_genai_prices
from router.cost.book.rows import Mode, PriceKey, ServiceTier
from router.cost.usage import Usage
from router.cost.usage_shapes import UsageShape, read_usage
from router.errors import UsageError

genai_prices = pytest.importorskip("genai_prices")
from genai_prices import data_snapshot  # noqa: E402
from genai_prices.types import ModelPrice  # noqa: E402

# A day price holds whole days; of prices by the hour it holds the dearest (DeepSeek's at noon UTC
# is not), so prices by the hour are compared at an hour of their own below.
NOON = datetime.combine(DAY, time(12), UTC)


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook(rows_from_genai_prices(DAY, lambda _: True))


def context_of(mode: Mode, service_tier: ServiceTier) -> dict[str, str]:
    context = {} if mode is Mode.SYNC else {"processing": "batch"}
    return context if service_tier is ServiceTier.STANDARD else {"service_tier": service_tier.value}


def ours(book: PriceBook, key: PriceKey, usage: Usage) -> Bill:
    tariff = book.quote(key, DAY)
    assert not isinstance(tariff, NoPrice), tariff
    return bill(usage, tariff)


@pytest.mark.parametrize("one", REPORTED, ids=lambda one: one.name)
def test_a_reported_usage_costs_the_same_to_the_last_digit(book: PriceBook, one: Reported) -> None:
    theirs = genai_prices.extract_usage(
        one.response, provider_id=one.provider, api_flavor=one.flavour
    )
    expected = theirs.calc_price(
        genai_request_timestamp=NOON, price_context=context_of(one.mode, one.service_tier)
    )
    # Bedrock and others fall back on another provider's rows; theirs says whose.
    seller = next(p for p in data_snapshot.get_snapshot().providers if theirs.model in p.models)
    key = PriceKey(seller.id, theirs.model.id, one.mode, one.service_tier)
    cost = ours(book, key, read_usage(one.shape, one.usage))
    assert cost.usd == expected.total_price
    assert cost.output + cost.reasoning == expected.output_price
    assert cost.nano_usd == round(expected.total_price * 10**9)


def comparable() -> list[tuple[str, Any, Mode, ServiceTier]]:
    """Return models that are priced by text tokens alone, with every variant we read."""
    variants = (
        (Mode.SYNC, ServiceTier.STANDARD),
        (Mode.BATCH, ServiceTier.STANDARD),
        (Mode.SYNC, ServiceTier.FLEX),
        (Mode.SYNC, ServiceTier.PRIORITY),
    )
    found = []
    for provider in data_snapshot.get_snapshot().providers:
        for model in provider.models:
            if provider.id == "deepseek" or "deepseek" in model.id:
                continue  # by the hour
            for mode, service_tier in variants:
                context = context_of(mode, service_tier)
                if context and context not in [v.when for v in model.price_variants or ()]:
                    continue
                prices = model.get_prices(NOON, context)
                if prices.input_mtok is not None and prices.output_mtok is not None:
                    found.append((provider.id, model, mode, service_tier))
    return found


MODELS = comparable()


def test_every_model_and_variant_that_is_priced_has_a_price(book: PriceBook) -> None:
    keys = [PriceKey(provider, model.id, *variant) for provider, model, *variant in MODELS]
    assert [key for key in keys if isinstance(book.quote(key, DAY), NoPrice)] == []


def test_a_variant_without_prices_of_its_own_costs_the_standard_price(book: PriceBook) -> None:
    key = PriceKey("openai", "gpt-3.5-turbo-1106", Mode.BATCH)
    (_, model, *_) = next(one for one in MODELS if one[1].id == key.model)
    assert [vars(variant.prices) for variant in model.price_variants] == [vars(ModelPrice())]
    assert book.quote(key, DAY) == book.quote(PriceKey(key.provider, key.model), DAY)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(MODELS),
    st.tuples(*(st.sampled_from([0, 1, 977, 99_999, 100_001, 272_000]),) * 4),
    st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)),
)
def test_any_usage_of_any_model_in_any_variant_costs_the_same(
    book: PriceBook,
    priced: tuple[str, Any, Mode, ServiceTier],
    read: tuple[int, int, int, int],
    written: tuple[int, int],
) -> None:
    provider, model, mode, service_tier = priced
    usage = Usage(*read, *written)
    theirs = genai_prices.Usage(
        input_tokens=usage.total_input,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write_5m + usage.cache_write_1h,
        cache_write_5m_tokens=usage.cache_write_5m,
        cache_write_1h_tokens=usage.cache_write_1h,
        output_tokens=usage.total_output,
        output_reasoning_tokens=usage.reasoning,
    )
    expected = model.get_prices(NOON, context_of(mode, service_tier)).calc_price(theirs)
    cost = ours(book, PriceKey(provider, model.id, mode, service_tier), usage)
    assert cost.usd == expected["total_price"]


def test_a_price_by_the_hour_is_its_dearest_hour(book: PriceBook) -> None:
    (provider,) = (p for p in data_snapshot.get_snapshot().providers if p.id == "deepseek")
    (model,) = (m for m in provider.models if m.id == "deepseek-v4-flash")
    usage = Usage(1000, 500, 0, 0, 200, 100)
    theirs = genai_prices.Usage(
        input_tokens=1500, cache_read_tokens=500, output_tokens=300, output_reasoning_tokens=100
    )
    by_hour = {
        model.get_prices(datetime.combine(DAY, time(hour), UTC)).calc_price(theirs)["total_price"]
        for hour in range(24)
    }
    assert len(by_hour) == 2
    assert ours(book, PriceKey("deepseek", model.id), usage).usd == max(by_hour)


def test_what_costs_extra_is_named_and_in_no_bill() -> None:
    usage = read_usage(
        UsageShape.ANTHROPIC,
        {"input_tokens": 5, "output_tokens": 6, "server_tool_use": {"web_search_requests": 3}},
    )
    assert usage.unpriced == ("web_search_requests: 3",)
    heard = {
        "prompt_tokens": 9,
        "completion_tokens": 1,
        "prompt_tokens_details": {"audio_tokens": 4},
    }
    assert read_usage(UsageShape.OPENAI, heard).unpriced == ("input audio_tokens: 4",)


def test_half_a_nano_dollar_goes_to_the_even_neighbour() -> None:
    nothing = Bill(*[Decimal(0)] * 7)
    assert nothing._replace(request=Decimal("0.0000000005")).nano_usd == 0
    assert nothing._replace(request=Decimal("0.0000000015")).nano_usd == 2


@pytest.mark.parametrize(
    ("shape", "usage", "said"),
    [
        (UsageShape.OPENAI, {"completion_tokens": 1}, "input_tokens: None given"),
        (UsageShape.OPENAI, {"prompt_tokens": -1, "completion_tokens": 1}, "prompt_tokens: -1"),
        (
            UsageShape.VLLM,
            {
                "prompt_tokens": 3,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
            "prompt_tokens: 3 given, which is less than the 4",
        ),
        (
            UsageShape.ANTHROPIC,
            {
                "input_tokens": 3,
                "output_tokens": 1,
                "cache_creation_input_tokens": 5,
                "cache_creation": {"ephemeral_5m_input_tokens": 4},
            },
            "cache_creation holds 4 and 0",
        ),
        (
            UsageShape.BEDROCK,
            {"inputTokens": 1, "outputTokens": 1, "cacheDetails": [{"ttl": "2h"}]},
            "cacheDetails.ttl: '2h'",
        ),
        (UsageShape.GEMINI, {"promptTokenCount": 1.5}, "promptTokenCount: 1.5 given"),
    ],
)
def test_usage_that_no_provider_reports_is_refused(
    shape: UsageShape, usage: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        read_usage(shape, usage)
