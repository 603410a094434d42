"""A session's warm prompt makes going on cheap and leaving dear, as far as a cache keeps it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from price_rows import DAY

from router.config import Config
from router.cost.estimate import expected_cost_usd
from router.cost.price import Band, Price, PromptCache, Rates
from router.cost.warmth import MOST_SESSIONS, PromptCaches
from router.engine import Engine
from router.server.app import RouterServer
from router.types import Deployment, Message, Request
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

RATES = Rates(4.0, 0.2, 5.0, 8.0, 20.0, 20.0)
PRICE = Price(4.0, 20.0, DAY, "a list", (Band(0, RATES),))
CACHE = PromptCache(ttl_seconds=300.0, min_tokens=1000, hit_rate=1.0)
HAIKU = "claude-3-haiku"


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def deployment(engine: Engine) -> Deployment:
    return replace(engine.catalog.deployments[0], price=PRICE, prompt_cache=CACHE)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def caches(deployment: Deployment, clock: Clock) -> PromptCaches:
    return PromptCaches([deployment], clock=clock)


def test_a_first_turn_pays_for_writing_and_the_next_reads(
    caches: PromptCaches, deployment: Deployment
) -> None:
    first, use = caches.cost("s", deployment.id, PRICE, 10_000, 0)
    assert first == pytest.approx(0.05)
    assert use is not None
    assert (use.warm_tokens, use.read_tokens, use.write_tokens) == (0.0, 0.0, 10_000)
    caches.used("s", deployment.id, 10_000)
    second, _ = caches.cost("s", deployment.id, PRICE, 12_000, 0)
    assert second == pytest.approx((10_000 * 0.2 + 2_000 * 5.0) / 1e6)
    other, _ = caches.cost("another", deployment.id, PRICE, 12_000, 0)
    assert other == pytest.approx(0.06)


def test_a_prompt_is_kept_from_its_last_use_on_and_no_longer(
    caches: PromptCaches, deployment: Deployment, clock: Clock
) -> None:
    caches.used("s", deployment.id, 10_000)
    clock.now = 299.0
    assert caches.cost("s", deployment.id, PRICE, 10_000, 0)[0] == pytest.approx(0.002)
    caches.used("s", deployment.id, 10_000)
    clock.now = 598.0
    assert caches.cost("s", deployment.id, PRICE, 10_000, 0)[0] == pytest.approx(0.002)
    clock.now = 599.0
    assert caches.cost("s", deployment.id, PRICE, 10_000, 0)[0] == pytest.approx(0.05)


def test_a_prompt_below_the_least_is_neither_read_nor_written(
    caches: PromptCaches, deployment: Deployment
) -> None:
    caches.used("s", deployment.id, 999)
    assert caches.cost("s", deployment.id, PRICE, 999, 10) == (
        expected_cost_usd(PRICE, 999, 10),
        None,
    )


def test_the_hit_rate_is_learnt_from_what_was_read(
    caches: PromptCaches, deployment: Deployment
) -> None:
    for _ in range(200):
        caches.report(deployment.id, 1_000, 400)
    rate = caches.hit_rate(deployment.id)
    assert rate == pytest.approx((101 * 0.4 + 10) / 111)
    caches.report("without a cache", 1_000, 400)
    assert caches.hit_rate("without a cache") is None


def test_only_the_sessions_used_last_are_known(
    caches: PromptCaches, deployment: Deployment
) -> None:
    for number in range(MOST_SESSIONS + 1):
        caches.used(str(number), deployment.id, 10_000)
    forgotten, known = (
        caches.cost(name, deployment.id, PRICE, 10_000, 0)[0] for name in ("0", "1")
    )
    assert forgotten > known


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e4))
def test_a_turn_never_costs_more_than_writing_all_of_it_nor_less_than_reading_it(
    kept: float, tokens: float, written: float
) -> None:
    deployment = Deployment("d", "small", "api", "p", "m", None, PRICE, prompt_cache=CACHE)  # type: ignore[arg-type]
    caches = PromptCaches([deployment], clock=Clock())
    caches.used("s", "d", kept)
    cost, _ = caches.cost("s", "d", PRICE, tokens, written)
    least = (tokens * 0.2 + written * 20.0) / 1e6
    most = (tokens * 5.0 + written * 20.0) / 1e6
    assert least * (1 - 1e-9) <= cost <= most * (1 + 1e-9)


def test_staying_falls_out_of_the_price(engine: Engine) -> None:
    first, second, third = engine.catalog.deployments
    near = replace(PRICE, bands=(Band(0, RATES._replace(uncached_input=3.9, cache_write_5m=4.9)),))
    twin = replace(first, id="twin", price=near, prompt_cache=CACHE)
    first = replace(first, price=PRICE, prompt_cache=CACHE)
    wide = [
        replace(one, capabilities=replace(one.capabilities, context_window_tokens=10**6))
        for one in (first, twin)
    ]
    deployments = (*wide, replace(second, price=None), replace(third, price=None))
    caches = PromptCaches(deployments, clock=Clock())
    engine = replace(
        engine,
        catalog=replace(engine.catalog, deployments=deployments),
        tier_index=(0, 0, 1, 2),
        caches=caches,
    )
    request = Request((Message("user", "a word " * 5_000),), session_id="s")
    assert engine.route(request).chosen.deployment.id == "twin"
    caches.used("s", first.id, 10_000)
    assert engine.route(request).chosen.deployment.id == first.id
    assert engine.route(request._replace(session_id="")).chosen.cache_use is None


def test_a_prompt_that_is_come_back_to_is_worth_writing_and_one_that_is_not_is_less(
    caches: PromptCaches, deployment: Deployment, clock: Clock
) -> None:
    def later(tokens: float) -> float:
        _, use = caches.cost("s", deployment.id, PRICE, tokens, 0)
        assert use is not None
        return use.later_usd

    at_first = later(10_000)  # half of a half of what a read is cheaper than a write
    assert at_first == pytest.approx(0.25 * 10_000 * 4.8 / 1e6)
    for session in range(100):
        caches.used(f"single {session}", deployment.id, 10_000)
    assert later(10_000) == pytest.approx(at_first * 10 / 110)
    for _ in range(1_000):
        clock.now += 10.0
        caches.used("s", deployment.id, 10_000)
    assert later(10_000) == 0.0  # it is there already
    assert later(20_000) > 1.6 * at_first


def test_the_choice_goes_by_the_cost_less_what_is_saved_later_and_states_what_is_paid(
    engine: Engine,
) -> None:
    first, second, third = engine.catalog.deployments
    # Writing costs a tenth more where reading is cheap; blind to later turns it loses.
    rates = RATES._replace(uncached_input=4.4, cache_write_5m=5.5, cache_read=0.1)
    dear = Price(4.4, 20.0, DAY, "a list", (Band(0, rates),))
    flat = Price(5.0, 20.0, DAY, "a list")
    with_cache = replace(first, price=dear, prompt_cache=CACHE)
    without = replace(first, id="without", price=flat)
    wide = [
        replace(one, capabilities=replace(one.capabilities, context_window_tokens=10**6))
        for one in (with_cache, without)
    ]
    deployments = (*wide, replace(second, price=None), replace(third, price=None))
    engine = replace(
        engine,
        catalog=replace(engine.catalog, deployments=deployments),
        tier_index=(0, 0, 1, 2),
        caches=PromptCaches(deployments, clock=Clock()),
    )
    request = Request((Message("user", "a word " * 5_000),), session_id="s")
    decision = engine.route(request)
    assert decision.chosen.deployment.id == first.id
    assert decision.chosen in decision.estimates
    kept, other = decision.estimates[:2]
    assert kept.expected_cost_usd > other.expected_cost_usd
    assert engine.route(request._replace(session_id="")).chosen.deployment.id == first.id


@pytest.fixture
def stub(server_config: Config, catalog_file: Path, tmp_path: Path) -> Iterator[RouterServiceStub]:
    """Return a client of a server whose second deployment has a prompt cache."""
    text = catalog_file.read_text(encoding="utf-8")
    cache = "prompt_cache = { ttl_seconds = 300, min_tokens = 10, hit_rate = 1.0 }\nvision = true"
    (tmp_path / "c.toml").write_text(text.replace("vision = true", cache, 1), encoding="utf-8")
    config = replace(server_config, catalog=tmp_path / "c.toml", store=tmp_path / "o.sqlite3")
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield RouterServiceStub(channel)


def test_a_session_on_a_server_warms_up_and_its_outcomes_teach_the_hit_rate(
    stub: RouterServiceStub,
) -> None:
    request = pb.RouteRequest(
        prompt="What is kept of this prompt, and for how long? " * 5,
        session_id="s",
        allowed_tiers=["medium"],
        explain_cost=True,
    )
    cold, warm = stub.Route(request), stub.Route(request)
    assert cold.input_estimate.warm_token_count == 0
    assert warm.input_estimate.warm_token_count == cold.candidates[1].input_token_count
    stub.RecordOutcome(
        pb.RecordOutcomeRequest(
            decision_id=warm.decision_id,
            request_id="r",
            input_token_count=warm.input_estimate.token_count,
            cached_input_token_count=0,
            input_estimate=warm.input_estimate,
        )
    )
    split = stub.Route(request).candidates[1].cost_split
    assert split.cache_write_usd == pytest.approx(split.cache_read_usd / 10, rel=0.02)
