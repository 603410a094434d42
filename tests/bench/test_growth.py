"""Axes of growth: their artifacts and catalogs serve, their figures compare; no time is judged."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from bench.growth import counts, decided
from bench.growth.axes import AXES, SHIPPED, Axis, Point, Setup
from bench.growth.counts import steps_of
from bench.growth.figures import Grown, rows_of, table_of
from bench.growth.picture import draw
from bench.growth.setups import engine_metrics, mixture, write_setup
from bench.growth.times import Timed, measure
from bench.load import Block, Job, make_requests
from router import load_engine
from router.cost.pools.http import fetch
from router.server.servicer import RouterServicer
from router.types import Message, Request

PROMPT = Request((Message("user", "Prove that the sum of two odd numbers is even."),))


@pytest.mark.parametrize("tiers", [2, 7])
def test_an_artifact_of_any_number_of_tiers_lies_between_the_shipped_ones(
    tmp_path: Path, tiers: int
) -> None:
    place = write_setup(Setup(tiers, tiers + 1), tmp_path, "http://127.0.0.1:9/metrics")
    found = load_engine(place.artifact, place.catalog).route(PROMPT)
    shipped = load_engine().route(PROMPT)
    adequacy = [one.adequacy for one in found.estimates]
    ends = [one.adequacy for one in shipped.estimates]
    assert len(adequacy) == tiers + 1
    assert adequacy[0] == adequacy[tiers] == pytest.approx(ends[0], abs=1e-5)
    assert adequacy[tiers - 1] == pytest.approx(ends[-1], abs=1e-5)
    assert all(min(ends) - 1e-5 <= one <= max(ends) + 1e-5 for one in adequacy)


def test_a_mixture_keeps_the_ends_and_its_shares_are_whole() -> None:
    mixed = mixture(3, 5)
    assert np.allclose(mixed.sum(axis=0), 1.0)
    assert mixed[:, 0].tolist() == [1, 0, 0]
    assert mixed[:, 1].tolist() == [0.5, 0.5, 0]
    assert mixed[:, 4].tolist() == [0, 0, 1]
    assert np.array_equal(mixture(3, 3), np.eye(3))


def test_the_last_deployments_run_on_pools_whose_load_is_read(tmp_path: Path) -> None:
    with engine_metrics() as url:
        place = write_setup(Setup(2, 5, 3), tmp_path, url)
        engine = load_engine(place.artifact, place.catalog)
        assert [item.pool for item in engine.catalog.deployments] == ["", "", "p0", "p1", "p2"]
        assert {pool.load.urls for pool in engine.catalog.pools} == {(url,)}
        assert b"vllm:num_requests_running" in asyncio.run(fetch(url, 5.0))
    assert write_setup(SHIPPED, tmp_path, url).catalog.name == "catalog.toml"


def test_every_axis_starts_small_and_contains_what_it_is_compared_with() -> None:
    for axis in AXES:
        values = [point.value for point in axis.points]
        assert values == sorted(values)
        assert axis.base in values
        assert max(point.tokens * point.messages for point in axis.points) <= 50_000


def test_a_conversation_ends_with_its_users_prompt() -> None:
    (request, *_) = make_requests(Job("route", 20, 1, 0.1, 5, messages=4), 5)
    assert [one.role for one in request.messages] == ["assistant", "user", "assistant", "user"]
    assert not request.prompt


TINY = Axis("tokens", "tokens of the prompt", (Point(20, SHIPPED, 20), Point(60, SHIPPED, 60)), 20)


def test_every_point_is_decided_between_its_own_marks_with_its_pools_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axis = AXES[-1]
    asked: list[tuple[str, int, set[str]]] = []

    def decide_all(servicer: RouterServicer, path: Path, calls: int) -> None:
        engine = servicer._switch.now.main.engine
        loads = {} if engine.pools is None else engine.pools.loads
        asked.append((path.name, len(loads), {load.state.name for load in loads.values()}))
        assert (path.stat().st_size > 100, calls) == (True, 12)

    url = "http://127.0.0.1:9/metrics"
    places = {one.setup: write_setup(one.setup, tmp_path, url) for one in axis.points}
    monkeypatch.setattr(decided, "decide_all", decide_all)
    decided.decide_plan(steps_of(axis, places, tmp_path, 0))
    assert [(name, pools) for name, pools, _ in asked] == [
        (f"pools-{value}.bin", value) for value in (0, 4, 8, 16, 32)
    ]
    assert [states for _, _, states in asked] == [set(), *[{"SERVING"}] * 4]


def test_a_count_is_that_of_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "count", lambda _: [1_200.0, 3_600.0])
    places = {SHIPPED: write_setup(SHIPPED, tmp_path, "")}
    assert counts.counts([TINY], places, tmp_path, 0) == [{20: 100.0, 60: 300.0}]


def test_points_take_turns_on_a_real_server_and_are_drawn(tmp_path: Path) -> None:
    places = {SHIPPED: write_setup(SHIPPED, tmp_path, "")}
    timed = measure(TINY, places, tmp_path, seconds=0.05, rounds=2, seed=0)
    assert [one.point.value for one in timed] == [20, 60]
    assert all(len(one.routes) == len(one.echoes) == 2 for one in timed)
    assert all(one.p99_ms >= one.median_ms > 0 for one in timed)
    draw([Grown(TINY, timed, {})], tmp_path / "new" / "picture.png", "")
    assert (tmp_path / "new" / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_point_is_compared_with_the_base_of_the_same_round() -> None:
    def blocks(*each_ms: float) -> tuple[Block, ...]:
        return tuple(Block((ms,) * 5, 1.0) for ms in each_ms)

    echoes = blocks(1.0, 10.0, 1.0)
    short = Timed(TINY.points[0], blocks(2.0, 20.0, 2.0), echoes)
    long = Timed(TINY.points[1], blocks(6.0, 60.0, 100.0), echoes)
    grown = Grown(TINY, [short, long], {20: 1_000_000.0, 60: 1_500_000.0})
    assert table_of(grown).splitlines()[2:] == [
        "| 20 | 2.00 | 20.00 | 2.00 | 1.00 | 1,000 | 1.00 |",
        "| 60 | 60.00 | 100.00 | 6.00 | 3.00 | 1,500 | 1.50 |",
    ]
    met = {row.name: row.met for row in rows_of(grown) if row.target}
    assert met == {"60 tokens of the prompt: median / that of 20": True}
