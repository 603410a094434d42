"""The shadow price: zero when idle, the alternative when full, and steady in between."""

from dataclasses import replace
from math import exp, inf, nextafter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from router.cost.pools.engines import Reading
from router.cost.pools.flow import Flow
from router.cost.pools.load import Load, PoolState, cache_weight, load_of, nothing_read, saturation
from router.cost.pools.pool import LoadSource, Pool, Throughput
from router.cost.pools.shadow import Worths, shadow_usd

SOURCE = LoadSource("vllm", ("http://a/metrics", "http://b/metrics"))
RATE = Throughput(prefill_tokens_per_s=10_000, decode_tokens_per_s=1_000, concurrency=32)
POOL = Pool("ours", 2, 2, 2.0, RATE, load=SOURCE)
unit = st.floats(0.0, 1.0)
full = st.floats(0.0, 20.0)
usd = st.floats(0.0, 1.0)
sources = st.builds(
    replace, st.just(SOURCE), idle_below=st.floats(0.0, 0.95), spread=st.floats(0.01, 1.0)
)


def busy(**changes: float) -> Load:
    """Return a load of 32 requests under way on 64 places, a quarter of the cache in use."""
    load = load_of(POOL, [Reading(0, 16, 0.25)] * 2, 100.0, Flow(1.0))
    return load._replace(own=4.0, own_share=0.125)._replace(**changes)


@given(full, full, usd, usd, unit, sources)
def test_the_price_never_falls_as_the_pool_fills(
    a: float, b: float, alternative: float, floor: float, rank: float, source: LoadSource
) -> None:
    low, high = sorted((a, b))
    first = shadow_usd(low, alternative, floor, rank, source)
    assert first <= shadow_usd(high, alternative, floor, rank, source)


@given(full, usd, usd, unit, sources)
def test_the_price_lies_between_the_floor_and_the_alternative(
    saturation: float, alternative: float, floor: float, rank: float, source: LoadSource
) -> None:
    price = shadow_usd(saturation, alternative, floor, rank, source)
    assert floor <= price <= max(floor, nextafter(alternative, inf))


@given(unit, usd, unit, sources)
def test_an_idle_pool_costs_its_floor_and_nothing_more(
    share: float, alternative: float, rank: float, source: LoadSource
) -> None:
    idle = share * source.idle_below
    assert shadow_usd(idle, alternative, 0.0, rank, source) == 0.0
    assert shadow_usd(idle, alternative, 0.01, rank, source) == 0.01


@given(st.floats(1.0, 20.0), st.floats(0.001, 1.0), unit, sources)
def test_a_full_pool_is_never_taken_where_there_is_an_alternative(
    saturation: float, alternative: float, rank: float, source: LoadSource
) -> None:
    assert shadow_usd(saturation, alternative, 0.0, rank, source) > alternative


@given(full, usd, unit, unit, sources)
def test_who_saves_more_pays_no_more(
    saturation: float, alternative: float, a: float, b: float, source: LoadSource
) -> None:
    low, high = sorted((a, b))
    dear = shadow_usd(saturation, alternative, 0.0, low, source)
    assert shadow_usd(saturation, alternative, 0.0, high, source) <= dear


@given(st.floats(0.51, 0.99), unit)
def test_the_price_is_convex_below_the_alternative(saturation: float, rank: float) -> None:
    step = 0.01
    prices = [shadow_usd(saturation + step * k, 1.0, 0.0, rank, SOURCE) for k in (-1, 0, 1)]
    assume(prices[2] < 1.0)
    assert prices[1] <= (prices[0] + prices[2]) / 2 + 1e-12


def test_equal_requests_leave_one_after_the_other_as_the_pool_fills() -> None:
    worths = Worths(start=0.3)
    for _ in range(200):
        worths.take(1.0, 1.0, 1000.0, 0.0)
    shares = []
    for filled in (0.85, 0.9, 0.925, 0.95, 0.975, 1.0):
        source = replace(SOURCE, idle_below=0.5, spread=0.4)
        prices = [shadow_usd(filled, 1.0, 0.0, worths.rank(1.0), source) for _ in range(400)]
        shares.append(sum(price > 1.0 for price in prices) / 400)
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0.25, abs=0.02)  # a quarter of the way from 0.8 to 1
    assert shares[-1] == 1.0


@given(st.lists(st.floats(0.0, 10.0), min_size=64, max_size=64), st.floats(0.0, 10.0), unit)
def test_ranks_are_shares_and_follow_what_is_worth_more(
    recent: list[float], worth: float, start: float
) -> None:
    worths = Worths(start % 1.0)
    for one in (*recent, recent[0]):
        assert worths.take(one, 1.0, 1000.0, 0.0) == one
    rank = worths.rank(worth)
    less = sum(one < worth for one in recent)
    assert less / 66 <= rank <= (sum(one <= worth for one in recent) + 2) / 66
    assert worths.rank(11.0) > 0.97


def test_saturation_is_the_worst_of_queue_cache_and_places() -> None:
    at = {"own": 4.0, "now": 101.0}
    assert saturation(busy(), SOURCE, **at) == pytest.approx(0.5)  # 32 of 64 places
    assert saturation(busy(kv=0.6), SOURCE, **at) == pytest.approx(0.75)  # of 0.8
    assert saturation(busy(waiting=15.0), SOURCE, **at) == pytest.approx(1.5)  # of 5 a replica


def test_what_a_pool_runs_out_of_moves_from_places_to_its_cache() -> None:
    # 32 of 64 places are taken; 0.8 of the cache is its limit.
    weights = [cache_weight(busy(kv=kv), SOURCE) for kv in (0.0, 0.3, 0.4, 0.5, 0.8)]
    assert weights == sorted(weights)
    assert weights[0] == 0.0
    assert weights[2] == pytest.approx(0.5)
    assert weights[-1] > 0.99


@given(st.floats(0.01, 10.0), st.floats(0.01, 60.0), st.floats(10.0, 10_000.0), unit)
def test_long_prompts_are_worth_less_the_more_the_cache_is_short(
    saved: float, seconds: float, tokens: float, weight: float
) -> None:
    short, long = Worths(0.0), Worths(0.0)
    by_time = saved / seconds
    assert short.take(saved, seconds, tokens, 0.0) == pytest.approx(by_time)
    worth = long.take(saved, seconds, tokens, weight)
    assert worth > 0.0
    assert (worth <= by_time * (1 + 1e-9)) if tokens >= 1000.0 else (worth >= by_time * (1 - 1e-9))


@given(st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.floats(0.0, 30.0))
def test_more_work_sent_since_never_makes_a_pool_look_emptier(
    a: float, b: float, waiting: float
) -> None:
    low, high = sorted((a, b))
    load = busy(waiting=waiting)
    emptier = saturation(load, SOURCE, low, 101.0)
    assert emptier <= saturation(load, SOURCE, high, 101.0) + 1e-9
    assert emptier >= 0.0


def test_work_sent_since_counts_for_all_routers_that_do_the_same() -> None:
    # 24 more of one's own, at an eighth of the traffic: close to 192 more in all. With the 32 of
    # the reading all 64 places are taken, and the rest waits; 5 for each of 2 replicas is full.
    assert saturation(busy(), SOURCE, 28.0, 101.0) == pytest.approx((32 + 192 - 64) / 10, rel=0.1)


def test_a_small_change_of_the_own_count_is_taken_for_chance() -> None:
    # One more of one's own would be eight in all, an eighth of the places; a tenth of it counts.
    assert saturation(busy(), SOURCE, 5.0, 101.0) == pytest.approx(0.5 + 0.125 / 10, abs=0.001)


@given(st.floats(0.0, 4.0), st.floats(7.0, 19.0), st.floats(7.0, 19.0))
def test_a_stale_reading_widens_to_what_is_configured(unknown: float, a: float, b: float) -> None:
    source = replace(SOURCE, saturation_when_unknown=unknown)
    ages = (7.0, *sorted((a, b)), 20.0, 1000.0)
    seen = [saturation(busy(), source, 4.0, 100.0 + age) for age in ages]
    gaps = [abs(one - unknown) for one in seen]
    assert gaps == sorted(gaps, reverse=True)
    assert seen[0] == pytest.approx(0.5)
    assert seen[-1] == unknown


def test_a_pool_that_was_never_read_is_as_full_as_configured() -> None:
    load = nothing_read(POOL)
    assert load.state is PoolState.UNKNOWN
    assert saturation(load, SOURCE, 0.0, 0.0) == 1.0
    assert nothing_read(replace(POOL, draining=True)).state is PoolState.DRAINING


def test_endpoints_that_do_not_answer_take_their_replicas_along() -> None:
    load = load_of(POOL, [Reading(1, 8, None)], 0.0, Flow(1.0))
    assert (load.replicas, load.slots, load.kv) == (1.0, 32.0, 0.0)


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=40), st.floats(0.0, 100.0))
def test_work_under_way_fades_and_is_never_negative(gaps: list[float], later: float) -> None:
    flow, now = Flow(10.0), 0.0
    for gap in gaps:
        now += gap
        before = flow.under_way(now)
        flow.send(now, 10.0)
        assert flow.under_way(now) == pytest.approx(before + 1.0)
    assert 0.0 <= flow.under_way(now + later) <= flow.under_way(now) <= len(gaps)


def test_steady_work_comes_to_rate_times_time_by_littles_law() -> None:
    flow = Flow(10.0)
    for number in range(2000):
        flow.send(number * 0.1, 10.0)
    assert flow.under_way(200.0) == pytest.approx(100.0, rel=0.02)


def test_a_late_reading_is_set_against_what_was_under_way_then() -> None:
    flow = Flow(10.0)
    for number in range(300):  # ten a second for half a minute, then nothing
        flow.send(number * 0.1, 10.0)
    then = flow.under_way(10.0)
    assert then == pytest.approx(100.0 * (1 - exp(-1.0)), rel=0.05)
    assert flow.under_way(29.9) > 1.3 * then
    load = load_of(POOL, [Reading(0, 4 * then, None)], 10.0, flow)
    assert load.own == then
    assert load.own_share == pytest.approx(0.25)


def test_the_own_share_of_all_work_is_learnt_from_readings() -> None:
    flow = Flow(10.0)
    share = 1.0
    for number in range(400):
        flow.send(number * 0.5, 10.0)
        if number % 10 == 9:
            share = flow.see(number * 0.5, 4 * flow.under_way(number * 0.5))
    assert share == pytest.approx(0.25, abs=0.01)
    assert Flow(10.0).see(0.0, 0.0) == 1.0
