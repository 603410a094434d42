"""Deadlines in the simulation: who waits, what it costs, and that everything is accounted for."""

import json
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest

from eval.planning.__main__ import main
from eval.planning.log import read_traffic
from eval.planning.market import market_of, own_deployment, setting_of
from eval.pools.deadlines import all_at_once, deferrable
from eval.pools.plant import Plant, PlantSpec
from eval.pools.run import Run, Setting
from eval.pools.simulate import simulate
from eval.pools.study import scenario, setting, way
from eval.pools.traffic import Traffic, draw
from eval.pools.waits import Waits
from router.catalog import Catalog, load_catalog
from router.config import Config
from router.deferred.ways import CompletionTimes, Deadline, Offer, ServiceWay
from router.errors import DataError
from router.server.app import RouterServer
from router.types import Goal
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

TIERS = ("small", "medium", "large")
LATER = Deadline(7200.0, 0.99)
SHORT_S = 600.0


@pytest.fixture(scope="module")
def busy() -> Traffic:
    """Return ten minutes of a wave up to 120 %, three of ten requests needed within two hours."""
    how = setting()
    traffic = draw(scenario("diurnal").lasting(SHORT_S), 9800.0, how.routers, 5)
    return deferrable(traffic, 0.3, LATER, 5)


def without_idle_hours(how: Setting) -> Setting:
    """Return the setting with a pool that offers no waiting."""
    own = how.market.deployments[how.market.own_at]
    assert own.completion is not None
    changed = replace(own, batch_price=None, completion=replace(own.completion, batch=None))
    deployments = tuple(changed if one is own else one for one in how.market.deployments)
    return replace(how, market=replace(how.market, deployments=deployments))


def run_of(name: str, traffic: Traffic, how: Setting) -> Run:
    return simulate(way(name), traffic, how, 5)


def test_a_day_that_lasts_longer_is_the_same_day() -> None:
    kind = scenario("burst")
    long = kind.lasting(4 * kind.seconds)
    at = np.arange(0.0, kind.seconds, 10.0)
    short = kind.shape(at, np.random.default_rng(1))
    np.testing.assert_allclose(long.shape(4 * at, np.random.default_rng(1)), short)
    assert long.seconds == 4 * kind.seconds


def test_of_requests_without_a_deadline_a_share_gets_one_and_the_others_keep_theirs(
    busy: Traffic,
) -> None:
    assert busy.deadlines is not None
    share = sum(one is not None for one in busy.deadlines) / busy.at.size
    assert share == pytest.approx(0.3, abs=0.02)
    other = Deadline(60.0, 0.5)
    all_of_them = deferrable(busy, 1.0, other, 5).deadlines
    assert all_of_them is not None
    assert set(all_of_them) == {LATER, other}
    assert deferrable(all_at_once(busy), 0.0, LATER, 5).deadlines is None


def test_everything_with_a_deadline_is_accounted_for_and_half_price_is_half(busy: Traffic) -> None:
    how = without_idle_hours(setting())
    waiting = run_of("always API", busy, how)
    at_once = run_of("always API", all_at_once(busy), how)
    waited = waiting.waited
    assert busy.deadlines is not None
    assert waited.requests == sum(one is not None for one in busy.deadlines)
    assert sum(waited.later) == waited.requests  # a batch is in time for all, and cheaper
    assert (waited.no_way, waited.left, at_once.waited.requests) == (0, 0, 0)
    flex, batch, fall_backs, line = waited.usd
    saved = at_once.api_usd - (waiting.api_usd - fall_backs)
    assert saved == pytest.approx(flex + batch)  # what was asked later cost half
    assert line == 0.0
    assert 0 < waited.fell_back < 0.15 * waited.requests


def test_with_deadlines_less_is_paid_than_when_all_is_asked_at_once(busy: Traffic) -> None:
    waiting = run_of("shadow price", busy, setting())
    at_once = run_of("shadow price", all_at_once(busy), setting())
    assert waiting.total_usd < at_once.total_usd
    assert waiting.gpu_usd == at_once.gpu_usd
    assert waiting.p95_delay_s <= at_once.p95_delay_s + 1.0


def test_a_deadline_nobody_can_keep_is_counted_and_asked_at_once(busy: Traffic) -> None:
    soon = deferrable(all_at_once(busy), 0.2, Deadline(1.0, 0.99), 5)
    waited = run_of("list price", soon, setting()).waited
    assert waited.no_way == waited.requests > 0
    assert sum(waited.later) == 0


def test_a_spot_pool_gets_only_what_can_wait(busy: Traffic) -> None:
    how = setting()
    spot = replace(how, pool=replace(how.pool, purchase="spot"))
    assert run_of("always pool", all_at_once(busy), spot).pool_share == 0.0
    assert 0.0 < run_of("always pool", busy, spot).pool_share <= 0.35


def test_who_stands_in_line_is_let_in_when_the_pool_is_idle_or_the_fall_back_point_has_come() -> (
    None
):
    how = setting()
    own = how.market.deployments[how.market.own_at]
    plant = Plant(how.spec)
    waits = Waits(plant, how.pool, how.market.list_price, 1)
    for _ in range(128):
        plant.submit(10, 5000)  # full for a while
    offer = Offer(ServiceWay.FLEX, 0.0, 0.99, 30.0, 0.1)
    waits.later(own, offer, Deadline(90.0, 0.99), 100, 100)
    waits.later(own, offer._replace(fall_back_after_seconds=5000.0), LATER, 100, 100)
    plant.advance(10.0)
    waits.look()
    assert waits.in_line == 2
    plant.advance(31.0)
    waits.look()
    assert waits.in_line == 1  # the first one's fall-back point
    plant.advance(300.0)
    waits.look()
    assert waits.in_line == 0  # idle
    plant.advance(400.0)
    ended = waits.end()
    assert (ended.requests, ended.fell_back, ended.missed, ended.left) == (2, 1, 0, 0)


def test_an_answer_of_the_pool_after_its_time_is_a_miss() -> None:
    plant = Plant(PlantSpec(replicas=1))
    plant.submit(0, 1000, 5.0)
    plant.submit(0, 1000, 500.0)
    plant.advance(100.0)
    assert plant.missed == 1


def test_a_slow_provider_costs_fall_backs(busy: Traffic) -> None:
    """Stated times are kept as they are; what is drawn beyond them is asked again at once."""
    how = without_idle_hours(setting())

    def never(one: CompletionTimes) -> CompletionTimes:
        return CompletionTimes(one.seconds[:1], (0.6,))

    slow = tuple(
        one
        if one.pool or one.completion is None or one.completion.batch is None
        else replace(
            one,
            flex_price=None,
            completion=replace(one.completion, flex=None, batch=never(one.completion.batch)),
        )
        for one in how.market.deployments
    )
    late = replace(how, market=replace(how.market, deployments=slow))
    usual, often = (run_of("always API", busy, one).waited for one in (how, late))
    assert often.fell_back > 2 * usual.fell_back
    assert often.usd[2] > usual.usd[2]


def test_a_servers_log_tells_deadlines_and_they_are_replayed(
    server_config: Config, tmp_path: Path, catalog_file: Path
) -> None:
    catalog = tmp_path / "timed.toml"
    text = catalog_file.read_text(encoding="utf-8")
    timed = (
        "[deployments.completion]\nsync = [{ seconds = 30, probability = 0.999 }]\n"
        'as_of = 2026-11-12\nsource = "a test"\n'
    )
    first, *rest = text.split("[[deployments]]")
    catalog.write_text(first + "".join(f"[[deployments]]{one}\n{timed}" for one in rest))
    log = tmp_path / "decisions.jsonl"
    config = replace(server_config, catalog=catalog, store=tmp_path / "o.sqlite3", decision_log=log)
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = RouterServiceStub(channel)
        deadline = pb.Deadline(needed_within_seconds=7200, confidence=0.95)
        stub.Route(pb.RouteRequest(prompt="Name a fruit."))
        stub.Route(pb.RouteRequest(prompt="Name a fruit.", deadline=deadline))
    traffic = read_traffic([log], TIERS)
    assert traffic.deadlines == (None, Deadline(7200.0, 0.95))


def write_log(path: Path, **changes: object) -> Path:
    lines = [
        {
            "unix_s": 0.5 * n,
            "input_tokens": 1000,
            "predicted_reward": dict(zip(TIERS, (0.3, 0.85, 0.95), strict=True)),
            "predicted_output_tokens": dict.fromkeys(TIERS, 1000),
            **(changes if n % 2 else {}),
        }
        for n in range(60)
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("deadline", "said"),
    [
        ({"needed_within_seconds": -1, "confidence": 0.9}, "needed_within_seconds"),
        ({"needed_within_seconds": 60}, "deadline.confidence"),
        ({"needed_within_seconds": 60, "confidence": 1.0}, "deadline.confidence"),
        (7, "deadline"),
    ],
)
def test_a_faulty_deadline_refuses_the_log(tmp_path: Path, deadline: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_traffic([write_log(tmp_path / "log.jsonl", deadline=deadline)], TIERS)


def test_the_command_shows_where_work_with_deadlines_went(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(
        tmp_path / "log.jsonl", deadline={"needed_within_seconds": 14400, "confidence": 0.99}
    )
    picture = tmp_path / "simulate.png"
    given = ["simulate", str(log), "--quality-target", "0.9", "--ways", "shadow price"]
    assert main([*given, "--picture", str(picture)]) == 0
    shown = capsys.readouterr().out
    assert "| shadow price | 30 | 100.0% |" in shown
    assert picture.stat().st_size > 10_000


def test_what_the_command_line_leaves_open_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = str(write_log(tmp_path / "log.jsonl"))
    assert main(["simulate", log, "--deferrable", "0.5"]) == 1
    assert "--deferrable and --within go together" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["simulate", log, "--deferrable", "0.5", "--within", "6"])
    assert "must be like 45s, 30m, 6h or 2d" in capsys.readouterr().err


def test_the_margin_of_the_catalog_is_in_every_deadline(tmp_path: Path) -> None:
    catalog: Catalog = load_catalog(Path("data/catalog.pools.toml"))
    assert catalog.deadlines.confidence is not None
    pool, own = own_deployment(catalog, None)
    where = market_of(catalog, own, Goal(quality_target=0.9))
    how = setting_of(
        pool, where, routers=1, autoscaler=None, true_hit_rate=1.0, kv_tokens=1e9, margin_s=7.0
    )
    assert how.margin_s == 7.0
    assert all(one.completion is not None for one in where.deployments)
