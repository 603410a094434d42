"""Whatever sessions do, what is thought warm, learnt and advised stays within what can be."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from price_rows import DAY

from router.cost.breakpoints import LONG_SECONDS, Advice, Write
from router.cost.later import CREDITED
from router.cost.price import Band, Price, PromptCache, Rates
from router.cost.warmth import CacheMemory, PromptCaches
from router.types import Capabilities, Deployment

RATES = Rates(4.0, 0.2, 5.0, 8.0, 20.0, 20.0)
ABOVE = Rates(8.0, 0.4, 10.0, 16.0, 40.0, 40.0)
PRICE = Price(4.0, 20.0, DAY, "a list", (Band(0, RATES), Band(50_000, ABOVE)))
GAPS = st.sampled_from([0.0, 1.0, 299.999, 300.0, 3_599.0, 3_600.0, 3_600.1, 1e6, -5.0, -1e5])
TOKENS = st.sampled_from([0.0, 999.0, 1_000.0, 50_000.0, 50_000.5, 1e9])
TURNS = st.tuples(GAPS, st.sampled_from("ab"), TOKENS, st.booleans(), st.floats(0.0, 3.0))


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@settings(max_examples=200, deadline=None)
@given(st.lists(TURNS, max_size=25), st.sampled_from([1e-3, 300.0, 3_600.0, 86_400.0]))
def test_no_life_of_sessions_leads_out_of_what_can_be(
    turns: list[tuple[float, str, float, bool, float]], ttl_seconds: float
) -> None:
    cache = PromptCache(ttl_seconds, 1_000, 0.9)
    able = Capabilities(10**9, 10**4)
    item = Deployment("d", "small", "api", "p", "m", able, PRICE, prompt_cache=cache)
    memory, clock = CacheMemory(), Clock()
    caches = PromptCaches([item], memory, clock)
    for gap, session, tokens, wants_advice, share in turns:
        clock.now += gap
        cost, use = caches.cost(session, "d", PRICE, tokens, 10.0)
        rates = PRICE.rates(tokens)
        written = 10.0 * rates.output
        if use is None:
            assert tokens < 1_000
            caches.used(session, "d", tokens)
            continue
        assert 0.0 <= use.read_tokens <= use.warm_tokens <= tokens
        assert use.read_tokens + use.write_tokens == tokens
        least, most = tokens * rates.cache_read + written, tokens * rates.cache_write_5m + written
        assert least * (1 - 1e-9) <= cost * 1e6 <= most * (1 + 1e-9)
        assert 0.0 <= use.later_usd <= CREDITED * tokens * rates.cache_write_5m / 1e6
        advice = caches.advise(session, "d", PRICE, tokens, use) if wants_advice else None
        if wants_advice:
            check(advice, ttl_seconds)
        caches.used(session, "d", tokens, advice)
        if use.warm_tokens:
            caches.report("d", use.warm_tokens, share * use.warm_tokens)
        begun, past = memory.pasts("d")
        assert 0 <= max(past.short, past.long) <= past.gaps
        assert begun <= 2
        assert 0.0 <= memory.return_rate("d") <= 1.0
        rate = caches.hit_rate("d")
        assert rate is not None
        assert 0.0 <= rate <= 1.0


def check(advice: Advice | None, ttl_seconds: float) -> None:
    """Assert that advice saves something or is none, and that an hour is more than the short time.

    There is advice on every prompt here, as writing costs more than input.
    """
    assert advice is not None
    assert (advice.write is Write.NONE) == (advice.saving_usd == 0.0)
    assert advice.saving_usd >= 0.0
    assert advice.reuses >= 0.0
    assert advice.write is not Write.LONG or ttl_seconds < LONG_SECONDS
