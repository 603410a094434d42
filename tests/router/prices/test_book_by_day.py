"""The price book against its rules worked out a second time, day by day, over leap days too."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from price_rows import row

from router.cost.book.book import NoPrice, PriceBook
from router.cost.book.rows import Mode, PriceKey, PriceRow, ServiceTier
from router.cost.price import rates_at

FIRST = date(2028, 2, 26)
DAYS = [FIRST + timedelta(n) for n in range(8)]  # 29 February is among them
NONE_OR_DAY = st.none() | st.sampled_from(DAYS)
FALLS_BACK = {
    "cache_read": "input",
    "cache_write_5m": "input",
    "cache_write_1h": "cache_write_5m",
    "reasoning": "output",
}
CLASSES = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
WAYS = [(Mode.SYNC, ServiceTier.STANDARD), (Mode.BATCH, ServiceTier.STANDARD)]


@st.composite
def price_rows(draw: st.DrawFn) -> PriceRow:
    begins, ends = draw(NONE_OR_DAY), draw(NONE_OR_DAY)
    mode, service_tier = draw(st.sampled_from(WAYS))
    return row(
        draw(st.sampled_from(CLASSES)),
        str(draw(st.integers(0, 99))),
        above_input_tokens=draw(st.sampled_from([0, 0, 100, 200])),
        mode=mode,
        service_tier=service_tier,
        valid_from=begins,
        valid_to=None if begins and ends and ends <= begins else ends,
    )


def in_force(rows: list[PriceRow], name: str, way: object, day: date) -> dict[int, Decimal]:
    """Return the bands of a class: those that hold, and of them those that began last."""
    ours = [r for r in rows if r.price_class == name and (r.mode, r.service_tier) == way]
    ours = [r for r in ours if (r.valid_from or date.min) <= day < (r.valid_to or date.max)]
    last = max(((r.valid_from or date.min) for r in ours), default=date.min)
    return {
        r.above_input_tokens: r.usd_per_million for r in ours if (r.valid_from or date.min) == last
    }


def expected(rows: list[PriceRow], way: object, day: date, tokens: int) -> list[Decimal] | None:
    """Return the rate of each class for a request, or None where the price is not known."""
    own = {name: in_force(rows, name, way, day) for name in CLASSES}
    if not any(own.values()):
        return None
    bands = {name: own[name] or in_force(rows, name, WAYS[0], day) for name in CLASSES}
    if 0 not in bands["input"] or 0 not in bands["output"]:
        return None

    def rate(name: str) -> Decimal:
        reached = [above for above in bands[name] if above == 0 or tokens > above]
        return bands[name][max(reached)] if reached else rate(FALLS_BACK[name])

    return [rate(name) for name in CLASSES]


@settings(max_examples=300, deadline=None)
@given(st.lists(price_rows(), max_size=14), st.sampled_from(WAYS), st.sampled_from(DAYS))
def test_a_quote_is_what_the_rules_say_on_every_day(
    drawn: list[PriceRow], way: tuple[Mode, ServiceTier], day: date
) -> None:
    rows = [row("input", "1"), row("output", "2"), *drawn]
    book, key = PriceBook(rows), PriceKey("acme", "big", *way)
    quoted = book.quote(key, day)
    for tokens in (0, 100, 101, 200, 201, 10**9):
        wanted = expected(rows, way, day, tokens)
        if isinstance(quoted, NoPrice):
            assert wanted is None
        else:
            assert list(rates_at(quoted.bands, tokens)) == wanted


@settings(max_examples=300, deadline=None)
@given(
    st.lists(price_rows(), max_size=14),
    st.sampled_from(WAYS),
    st.sampled_from(DAYS),
    NONE_OR_DAY,
)
def test_a_quote_ends_on_the_first_day_without_one(
    drawn: list[PriceRow], way: tuple[Mode, ServiceTier], day: date, ends: date | None
) -> None:
    rows = [row("input", "1", valid_to=ends), row("output", "2"), *drawn]
    book, key = PriceBook(rows), PriceKey("acme", "big", *way)
    quoted = book.quote(key, day)
    if isinstance(quoted, NoPrice):
        return
    later = [FIRST + timedelta(n) for n in range(12)]
    without = [d for d in later if d > day and isinstance(book.quote(key, d), NoPrice)]
    assert quoted.ends == (without[0] if without else None)
