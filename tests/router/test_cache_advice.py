"""Advice on cache breakpoints: only where the session is expected to come back for it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from price_rows import DAY

from router.config import Config
from router.cost.breakpoints import Ahead, Past, Write, advise, expected_ahead, expected_saving_usd
from router.cost.price import Band, Price, PromptCache, Rates
from router.cost.warmth import PromptCaches
from router.server.app import RouterServer
from router.server.cache_advice import went_on
from router.types import Capabilities, Deployment, Estimate
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

RATES = Rates(4.0, 0.4, 5.0, 8.0, 20.0, 20.0)
PRICE = Price(4.0, 20.0, DAY, "a list", (Band(0, RATES),))
CACHE = PromptCache(ttl_seconds=300.0, min_tokens=1000, hit_rate=1.0)
DEPLOYMENT = Deployment(
    "d", "small", "api", "p", "m", Capabilities(10**6, 10**4), PRICE, prompt_cache=CACHE
)
BOTH = (Write.SHORT, Write.LONG)
counts = st.floats(0.0, 50.0)
shares = st.floats(0.0, 1.0)
rates = st.builds(
    lambda dear, read, short, more: Rates(
        dear, dear * read, dear * short, dear * (short + more), dear, dear
    ),
    st.floats(0.01, 50.0), shares, st.floats(1.0, 3.0), shares,
)  # fmt: skip


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Session:
    """Turns of sessions at one deployment, through the caches that serve."""

    def __init__(self, price: Price = PRICE) -> None:
        self.clock = Clock()
        self.deployment = replace(DEPLOYMENT, price=price)
        self.caches = PromptCaches([self.deployment], clock=self.clock)

    def turn(self, name: str, tokens: float, *, asks: bool = True) -> pb.CacheAdvice | None:
        price = self.deployment.price
        assert price is not None
        usd, use = self.caches.cost(name, "d", price, tokens, 0.0)
        chosen = Estimate(self.deployment, 1.0, usd, tokens, 0.0, (), use)
        request = pb.RouteRequest(session_id=name, advise_cache=asks)
        return went_on(self.caches, request, chosen)

    def turns(self, name: str, count: int, gap: float) -> pb.CacheAdvice | None:
        """Let a session come again and again, a token longer each time; return the last advice."""
        advice = None
        for n in range(count):
            self.clock.now += gap
            advice = self.turn(name, 10_000 + n)
        return advice

    def warm(self, name: str, tokens: float) -> float:
        _, use = self.caches.cost(name, "d", PRICE, tokens, 0.0)
        return 0.0 if use is None else use.warm_tokens


def cost_of(rates: Rates[float], write: Write, ahead: Ahead, hit_rate: float) -> float:
    """Return what a token costs now and in all turns to come, worked out gap by gap."""
    if write is Write.NONE:
        return rates.uncached_input * (1.0 + sum(ahead))
    dear = rates.cache_write_5m if write is Write.SHORT else rates.cache_write_1h
    maybe_read = hit_rate * rates.cache_read + (1.0 - hit_rate) * dear
    middle = dear if write is Write.SHORT else maybe_read
    return dear + ahead.short * maybe_read + ahead.middle * middle + ahead.late * dear


@given(rates, st.builds(Ahead, counts, counts, counts), shares, st.floats(1.0, 1e6))
def test_advice_never_costs_more_in_expectation_than_what_else_could_be_done(
    rates: Rates[float], ahead: Ahead, hit_rate: float, tokens: float
) -> None:
    advice = advise(rates, tokens, ahead, hit_rate, times=BOTH)
    costs = {write: tokens * cost_of(rates, write, ahead, hit_rate) / 1e6 for write in Write}
    assert costs[advice.write] <= min(costs.values()) * (1 + 1e-9)
    saved = costs[Write.NONE] - costs[advice.write]
    assert advice.saving_usd == pytest.approx(saved, rel=1e-6, abs=1e-9 * costs[Write.NONE])


@given(rates, st.builds(Ahead, counts, counts, counts), shares)
def test_a_breakpoint_is_advised_only_if_reuses_pay_for_the_premium(
    rates: Rates[float], ahead: Ahead, hit_rate: float
) -> None:
    advice = advise(rates, 1000.0, ahead, hit_rate, times=(Write.SHORT,))
    reuse_pays = advice.reuses * (rates.uncached_input - rates.cache_read)
    premium = rates.cache_write_5m - rates.uncached_input
    if advice.write is Write.SHORT:
        assert reuse_pays > premium * (1 - 1e-9)
    else:
        assert reuse_pays <= premium * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize(
    ("reuses", "advised"), [(0.27, Write.NONE), (0.28, Write.SHORT), (1.2, Write.SHORT)]
)
def test_one_reuse_in_four_pays_for_a_write_at_a_quarter_more(
    reuses: float, advised: Write
) -> None:
    # n > (1.25 - 1) / (1 - 0.1) = 0.278, and for the hour n > (2 - 1) / 0.9 = 1.11.
    ahead = Ahead(reuses, 0.0, 0.0)
    assert advise(RATES, 1000.0, ahead, 1.0, times=BOTH).write is advised
    saving = expected_saving_usd(RATES, Write.LONG, 1e6, Ahead(0.0, reuses, 0.0), 1.0)
    assert (saving > 0) == (reuses > 1.0 / 0.9)


def test_slow_sessions_are_worth_an_hour_and_those_of_days_nothing() -> None:
    slow = expected_ahead(Past(0.0, gaps=20, short=0, long=20), 0, Past(0.0))
    assert advise(RATES, 1.0, slow, 1.0, times=BOTH).write is Write.LONG
    daily = expected_ahead(Past(0.0, gaps=20, short=0, long=0), 0, Past(0.0))
    assert advise(RATES, 1.0, daily, 1.0, times=BOTH).write is Write.NONE


def test_sessions_that_never_come_back_teach_to_write_nothing() -> None:
    sessions = Session()
    advised = [sessions.turn(str(n), 10_000) for n in range(100)]
    assert advised[0] is not None
    assert advised[0].write == pb.CACHE_WRITE_SHORT
    assert advised[-1] is not None
    assert advised[-1].write == pb.CACHE_WRITE_NONE
    assert advised[-1].expected_saving_usd == 0.0
    # One that does come back is worth it all the same, from its own turns.
    again = sessions.turns("again", 3, 20.0)
    assert again is not None
    assert again.write == pb.CACHE_WRITE_SHORT


def test_what_is_advised_is_what_is_thought_warm() -> None:
    sessions = Session()
    for n in range(100):
        sessions.turn(str(n), 10_000)
    assert sessions.warm("99", 12_000) == 0.0  # nothing was to be written
    assert sessions.warm("0", 12_000) == 10_000
    sessions.clock.now += 299.0
    assert sessions.warm("0", 12_000) == 10_000
    sessions.clock.now += 1.0
    assert sessions.warm("0", 12_000) == 0.0


def test_what_is_to_be_kept_an_hour_is_warm_for_an_hour_and_goes_on_so() -> None:
    sessions = Session()
    advice = sessions.turns("s", 20, 1000.0)
    assert advice is not None
    assert advice.write == pb.CACHE_WRITE_LONG
    sessions.clock.now += 3599.0
    assert sessions.warm("s", 20_000) == 10_019
    sessions.clock.now += 1.0
    assert sessions.warm("s", 20_000) == 0.0


@given(st.floats(0.0, 999.0))
def test_a_prompt_below_the_providers_minimum_gets_no_advice(tokens: float) -> None:
    sessions = Session()
    for _ in range(5):
        sessions.clock.now += 1.0
        assert sessions.turn("s", tokens) is None


def test_who_does_not_ask_or_pays_no_premium_gets_none() -> None:
    assert Session().turn("s", 10_000, asks=False) is None
    free = replace(PRICE, bands=(Band(0, RATES._replace(cache_write_5m=4.0)),))
    assert Session(free).turn("s", 10_000) is None


def test_a_provider_without_a_price_for_the_long_time_is_asked_for_the_short_one_only() -> None:
    short_only = replace(PRICE, bands=(Band(0, RATES._replace(cache_write_1h=5.0)),))
    sessions = Session(short_only)
    advice = sessions.turns("s", 30, 1000.0)
    assert advice is not None
    assert advice.write == pb.CACHE_WRITE_NONE


@pytest.fixture
def stub(server_config: Config, catalog_file: Path, tmp_path: Path) -> Iterator[RouterServiceStub]:
    """Return a client of a server whose second deployment charges for cache writes."""
    text = catalog_file.read_text(encoding="utf-8")
    cache = "prompt_cache = { ttl_seconds = 300, min_tokens = 40, hit_rate = 1.0 }\nvision = true"
    text = text.replace("vision = true", cache, 1)
    start = text.index('id = "claude-3-haiku"')
    rates = "cache_read_usd_per_mtok = 0.025\ncache_write_5m_usd_per_mtok = 0.3125\nas_of"
    text = text[:start] + text[start:].replace("as_of", rates, 1)
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    config = replace(server_config, catalog=tmp_path / "c.toml", store=tmp_path / "o.sqlite3")
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield RouterServiceStub(channel)


def test_a_server_advises_whoever_asks_within_a_session(stub: RouterServiceStub) -> None:
    request = pb.RouteRequest(
        prompt="What is kept of this prompt, and for how long? " * 8,
        session_id="s",
        allowed_tiers=["medium"],
        advise_cache=True,
    )
    advice = stub.Route(request).cache_advice
    assert advice.write == pb.CACHE_WRITE_SHORT
    assert advice.expected_reuse_count > 0.278
    assert advice.expected_saving_usd > 0.0
    for changes in ({"advise_cache": False}, {"session_id": ""}, {"prompt": "Short."}):
        other = pb.RouteRequest()
        other.CopyFrom(request)
        for key, value in changes.items():
            setattr(other, key, value)
        assert not stub.Route(other).HasField("cache_advice")
