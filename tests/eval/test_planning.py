"""Planning on logs of traffic: what is read, what is replayed, and when a pool pays."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from eval.outcomes import OutcomeTable
from eval.planning.__main__ import main
from eval.planning.log import read_traffic
from eval.planning.made import made_lines
from eval.planning.market import market_of, own_deployment, setting_of
from eval.planning.pays import elsewhere, paying
from eval.planning.sensitivity import cases
from eval.planning.tables import seed_lines
from eval.pools.autoscale import Autoscaler, Scaling
from eval.pools.market import Market
from eval.pools.routers import WAYS
from eval.pools.simulate import simulate
from eval.pools.study import scenario, setting, way
from eval.pools.traffic import draw
from router.catalog import Catalog, load_catalog
from router.config import Config
from router.cost.pools.break_even import break_even
from router.cost.price import Band, Price, PromptCache, Rates
from router.engine import Engine
from router.errors import CatalogError, DataError
from router.server.app import RouterServer
from router.types import Deployment, Goal
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

TIERS = ("small", "medium", "large")
POOLS = Path("data/catalog.pools.toml")
Write = Callable[..., Path]


def line(at: float, **changes: Any) -> dict[str, Any]:
    """Return a request of 1,000 tokens in and out, adequate from medium on."""
    given: dict[str, Any] = {
        "unix_s": at,
        "input_tokens": 1000,
        "predicted_reward": dict(zip(TIERS, (0.3, 0.85, 0.95), strict=True)),
        "predicted_output_tokens": dict.fromkeys(TIERS, 1000),
    }
    return {key: value for key, value in {**given, **changes}.items() if value is not None}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*lines: dict[str, Any] | str) -> Path:
        path = tmp_path / "traffic.jsonl"
        texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return path

    return written


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(POOLS)


def market(catalog: Catalog, target: float = 0.8) -> Market:
    return market_of(catalog, own_deployment(catalog, None)[1], Goal(quality_target=target))


def test_a_log_is_read_in_the_order_of_time_and_sessions_stay_with_their_router(
    write: Write,
) -> None:
    lines = [
        line(100.0 - n, cluster=f"s{n % 3}", output_tokens=dict.fromkeys(TIERS, n))
        for n in range(9)
    ]
    traffic = read_traffic([write(*lines)], TIERS, routers=2)
    assert traffic.at.tolist() == [float(n) for n in range(9)]
    assert traffic.seconds == 8.0
    assert traffic.output_tokens[:, 1].tolist() == [8.0 - n for n in range(9)]
    assert traffic.session is not None
    for session in range(3):
        assert len(set(traffic.router[traffic.session == session])) == 1
    assert np.all(traffic.adequacy == [0.3, 0.85, 0.95])


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("no json", "not JSON"),
        ("[1]", "must be a JSON object"),
        (line(1.0, unix_s=None), "unix_s"),
        (line(-1.0), "must be a finite number >= 0"),
        (line(1.0, input_tokens="many"), "input_tokens"),
        (line(1.0, predicted_reward={"small": 0.5, "medium": 0.5}), "predicted_reward.large"),
        (line(1.0, predicted_reward=dict.fromkeys(TIERS, 1.5)), "<= 1"),
        (line(1.0, predicted_output_tokens=7), "one number per tier"),
        (line(1.0, eligible_tiers=["huge"]), "must be a list with one of"),
    ],
)
def test_a_faulty_line_refuses_the_log_and_is_named(write: Write, bad: Any, said: str) -> None:
    path = write(line(0.0), bad, line(2.0))
    with pytest.raises(DataError) as caught:
        read_traffic([path], TIERS)
    assert said in caught.value.message
    assert f"{path}:2" in caught.value.message


def test_a_log_needs_two_requests_at_different_times(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 requests, at 1 different times"):
        read_traffic([write(line(5.0), line(5.0))], TIERS)
    with pytest.raises(DataError, match="no such log"):
        read_traffic([tmp_path / "gone.jsonl"], TIERS)


def test_a_servers_own_decision_log_can_be_replayed(server_config: Config, tmp_path: Path) -> None:
    log = tmp_path / "decisions.jsonl"
    config = replace(server_config, store=tmp_path / "o.sqlite3", decision_log=log)
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = RouterServiceStub(channel)
        answers = [
            stub.Route(pb.RouteRequest(prompt="Name a fruit. " * n, session_id="s")) for n in (1, 5)
        ]
    traffic = read_traffic([log], TIERS)
    assert traffic.session is not None
    assert traffic.session.tolist() == [0, 0]
    for n, answer in enumerate(answers):
        told = {one.tier: one for one in answer.candidates}
        for column, tier in enumerate(TIERS):
            assert traffic.adequacy[n, column] == pytest.approx(told[tier].adequacy)
            assert round(traffic.expected_output[n, column]) == pytest.approx(
                told[tier].output_token_count, abs=1
            )


@pytest.mark.parametrize(
    ("api", "published"), [("gpt-5.1", 3.3), ("same-model-mid-price-host", 26.0)]
)
def test_over_equal_requests_the_break_even_is_the_closed_form(
    write: Write, catalog: Catalog, api: str, published: float
) -> None:
    traffic = read_traffic([write(*(line(float(n)) for n in range(50)))], TIERS)
    pool, _ = own_deployment(catalog, None)
    where = market(catalog)
    (against,) = (one for one in where.deployments if one.id == api)
    found = paying(pool, elsewhere(where, traffic, 0.8, only=against))
    assert against.price is not None
    closed = break_even(
        pool, against.price.input_usd_per_mtok, against.price.output_usd_per_mtok, 1.0
    )
    assert found.share == 1.0
    assert found.break_even.value == pytest.approx(closed.utilisation)
    assert found.break_even.low == pytest.approx(found.break_even.high)
    assert found.break_even.value * 100.0 == pytest.approx(published, abs=0.5)
    # 50 requests in 49 s, each of a fixed part of the pool's second.
    second = (
        1000.0 / pool.throughput.prefill_tokens_per_s + 1000.0 / pool.throughput.decode_tokens_per_s
    )
    assert found.load == pytest.approx(50 * second / 49.0)


def test_only_what_is_predicted_adequate_counts(write: Write, catalog: Catalog) -> None:
    poor = dict(zip(TIERS, (0.1, 0.7, 0.9), strict=True))
    lines = [line(float(n)) for n in range(6)]
    lines += [line(10.0 + n, predicted_reward=poor) for n in range(2)]
    lines += [line(20.0 + n, eligible_tiers=["large"]) for n in range(2)]
    traffic = read_traffic([write(*lines)], TIERS)
    where = market(catalog)
    assert elsewhere(where, traffic, 0.8).share == pytest.approx(0.6)
    assert elsewhere(where, traffic, 0.7).share == pytest.approx(0.8)
    assert elsewhere(where, traffic, 0.8, adequacy_lost=0.1).share == 0.0
    none_else = elsewhere(where, traffic, 0.99)
    assert none_else.usd.size == 0


def test_dearer_gpus_need_more_traffic_and_a_discount_less(write: Write, catalog: Catalog) -> None:
    traffic = read_traffic([write(*(line(float(n)) for n in range(30)))], TIERS)
    pool, _ = own_deployment(catalog, None)
    found = {
        (one.group, one.words): one.found for one in cases(pool, market(catalog), traffic, 0.8, 1)
    }
    stated = found["as stated", "quality target 0.8"].break_even.value
    assert found["GPU price", "5.90 USD/h"].break_even.value == pytest.approx(2 * stated)
    assert found["commitment", "40% off"].break_even.value == pytest.approx(0.6 * stated)
    fast = found["quantisation", "throughput × 1.3"]
    assert fast.break_even.value == pytest.approx(stated / 1.3)
    assert fast.traffic_factor == pytest.approx(
        found["as stated", "quality target 0.8"].traffic_factor
    )


def test_an_autoscaler_pays_from_the_order_and_gives_back_only_after_calm() -> None:
    scaling = Scaling(Autoscaler(1, 3, target=0.5, every_s=10, start_s=60, calm_s=100), 10, 1)
    scaling.look(0.0, 4.0)
    assert (scaling.running, scaling.paid) == (1, 1)
    scaling.look(10.0, 11.0)
    assert (scaling.running, scaling.paid, scaling.ordered) == (1, 3, 2)
    scaling.look(70.0, 99.0)
    assert (scaling.running, scaling.paid) == (3, 3)  # never above the most
    scaling.look(160.0, 0.0)
    assert scaling.running == 3
    scaling.look(171.0, 0.0)
    assert (scaling.running, scaling.paid) == (1, 1)


def test_an_autoscaled_pool_pays_for_what_runs_and_a_fixed_one_for_all(catalog: Catalog) -> None:
    kind = replace(scenario("mixed"), seconds=900.0)
    how = setting()
    traffic = draw(kind, 10_000.0, how.routers, 4)
    fixed = simulate(way("list price"), traffic, how, 4)
    assert fixed.gpu_hours == pytest.approx(2 * 0.25)
    scaled = simulate(way("list price"), traffic, replace(how, autoscaler=Autoscaler(1, 4)), 4)
    assert 0.25 <= scaled.gpu_hours <= 4 * 0.25
    assert scaled.replicas.min() >= 1
    assert scaled.gpu_usd == pytest.approx(scaled.gpu_hours * how.spec.gpu_usd_per_hour)


def test_a_session_that_stays_reads_from_the_providers_cache(
    write: Write, catalog: Catalog
) -> None:
    cache = PromptCache(300.0, 500, 1.0)
    apis = tuple(
        one if one.pool else replace(one, prompt_cache=cache, price=replace_bands(one))
        for one in catalog.deployments
    )
    pool, own = own_deployment(catalog, None)
    where = market_of(replace(catalog, deployments=apis), own, Goal(quality_target=0.9))
    how = setting_of(
        pool, where, routers=1, autoscaler=None, true_hit_rate=1.0, kv_tokens=float("inf")
    )
    runs = {}
    for session in ("s", None):
        lines = [line(10.0 * n, input_tokens=10_000, cluster=session) for n in range(5)]
        runs[session] = simulate(WAYS[0], read_traffic([write(*lines)], TIERS), how, 0)
    assert runs["s"].cache_read_share == pytest.approx(0.8)
    assert runs[None].cache_read_share == 0.0
    assert runs["s"].api_usd < runs[None].api_usd


def replace_bands(one: Deployment) -> Price:
    """Return a deployment's price with a cache that is read at a tenth."""
    dear = one.price
    assert dear is not None
    rates = Rates(
        dear.input_usd_per_mtok, dear.input_usd_per_mtok / 10, dear.input_usd_per_mtok,
        dear.input_usd_per_mtok, dear.output_usd_per_mtok, dear.output_usd_per_mtok,
    )  # fmt: skip
    return replace(dear, bands=(Band(0, rates),))


def test_the_commands_replay_a_log_and_say_whether_the_pool_pays(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(*(line(0.5 * n) for n in range(200)))
    picture = tmp_path / "simulate.png"
    given = ["simulate", str(log), "--quality-target", "0.8", "--picture", str(picture)]
    assert main(given) == 0
    rows = [text for text in capsys.readouterr().out.splitlines() if text.startswith("| ")]
    assert [text.split(" |")[0][2:] for text in rows[1:]] == [one.name for one in WAYS]
    assert picture.stat().st_size > 10_000
    picture = tmp_path / "pays.png"
    assert main(["break-even", str(log), "--picture", str(picture)]) == 0
    assert "| as stated | quality target 0.8 | 100% |" in capsys.readouterr().out
    assert picture.stat().st_size > 10_000


def test_what_cannot_be_simulated_is_said(
    write: Write, catalog: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    log = str(write(line(0.0), line(1.0)))
    assert main(["simulate", log, "--catalog", "data/catalog.toml"]) == 1
    assert "has the pools []" in capsys.readouterr().err
    assert main(["simulate", log, "--pool", "other"]) == 1
    assert "'llama-70b-fp8'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["simulate", log, "--autoscale", "4:1"])
    assert "must be like 1:4" in capsys.readouterr().err
    alone = replace(catalog, deployments=tuple(one for one in catalog.deployments if one.pool))
    with pytest.raises(CatalogError, match="no deployment with a known price"):
        market(alone)


def test_a_log_made_of_held_out_prompts_is_read_back(
    engine: Engine, outcomes: OutcomeTable, tmp_path: Path
) -> None:
    kind = replace(scenario("burst"), seconds=120.0)
    lines = list(made_lines(engine, outcomes, kind, 300, 3))
    assert lines == list(made_lines(engine, outcomes, kind, 300, 3))
    path = tmp_path / "made.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    traffic = read_traffic([path], engine.catalog.tier_names)
    assert 200 < traffic.at.size < 400
    assert 100.0 < traffic.seconds <= 120.0
    assert traffic.quality is not None
    known = set(map(tuple, outcomes.output_tokens.tolist()))
    assert set(map(tuple, traffic.output_tokens.tolist())) <= known


def test_made_up_days_are_compared_pair_by_pair() -> None:
    kind = replace(scenario("mixed"), seconds=300.0)
    how = setting()
    found = {
        name: [
            simulate(way(name), draw(kind, 10_000.0, how.routers, seed), how, seed)
            for seed in (1, 2)
        ]
        for name in ("always API", "list price")
    }
    header, rule, apis, listed = seed_lines(found)
    assert header.count("|") == rule.count("|") == apis.count("|") == listed.count("|")
    saved = 1.0 - sum(r.total_usd for r in found["always API"]) / sum(
        r.total_usd for r in found["list price"]
    )
    assert f"| {saved:.1%} (" in apis
