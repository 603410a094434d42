"""Decisions with a pool in the catalog: priced by live load, from real endpoints to the answer."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from metrics_server import VLLM, metrics_server, page, unused_url
from pool_catalog import catalog_with_pool
from waiting import wait_until

from router.catalog import Catalog, load_catalog
from router.cli.main import main
from router.config import Config
from router.cost.estimate import expected_cost_usd
from router.cost.pools.average import average_usd
from router.cost.pools.live import LivePools
from router.cost.pools.load import Load, PoolState, nothing_read
from router.engine import Engine, build_engine
from router.explore import explored
from router.predict.artifact import Artifact
from router.review.candidates import candidates_of
from router.server.app import RouterServer
from router.types import Estimate, Goal, IneligibleReason, Message, Request
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

HELLO = (Message("user", "Say hello in three languages."),)
IDLE = VLLM.replace("} 3.0", "} 0.0").replace("} 17.0", "} 2.0")
FULL = VLLM.replace("} 3.0", "} 300.0")


@pytest.fixture
def with_pool(tmp_path: Path, catalog_file: Path) -> Callable[..., Path]:
    """Return what writes the test catalog with a pool in it."""

    def write(url: str = "http://127.0.0.1:9/metrics", extra: str = "") -> Path:
        return catalog_with_pool(catalog_file, tmp_path, url, extra=extra, stale_after_s=1.0)

    return write


def engine_with(artifact: Artifact, catalog: Catalog, **load: object) -> Engine:
    """Return an engine whose pool has a load that was just read, with changes."""
    engine = build_engine(artifact, catalog)
    assert engine.pools is not None
    fresh = nothing_read(catalog.pools[0])._replace(state=PoolState.SERVING, at=time.monotonic())
    engine.pools.loads = {"ours": fresh._replace(**load)}
    return engine


def pooled(engine: Engine, goal: Goal | None = None) -> tuple[Estimate, Estimate]:
    """Return the estimates of the pool and of the API of its tier."""
    estimates = engine.route(Request(HELLO, goal=goal)).estimates
    (own,) = (one for one in estimates if one.deployment.pool)
    (api,) = (one for one in estimates if one.deployment.id == "claude-3-haiku")
    return own, api


def test_an_idle_pool_is_free_and_a_full_one_costs_the_alternative(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    catalog = load_catalog(with_pool())
    idle, _ = pooled(engine_with(artifact, catalog))
    assert idle.expected_cost_usd == 0.0
    assert idle.ineligible == ()
    half, api = pooled(engine_with(artifact, catalog, under_way=24.0))
    assert 0.0 < half.expected_cost_usd < api.expected_cost_usd
    full, api = pooled(engine_with(artifact, catalog, waiting=9.0))
    assert api.expected_cost_usd < full.expected_cost_usd <= api.expected_cost_usd * (1 + 1e-12)


def test_the_choice_falls_on_the_pool_while_it_is_idle_and_off_it_when_it_is_full(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    catalog = load_catalog(with_pool())
    request = Request(HELLO, allowed_tiers=frozenset({"medium"}))
    chosen = engine_with(artifact, catalog).route(request).chosen
    assert chosen.deployment.id == "own-haiku"
    chosen = engine_with(artifact, catalog, waiting=9.0).route(request).chosen
    assert chosen.deployment.id == "claude-3-haiku"


def test_a_full_pool_serves_whom_nobody_else_may_serve(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    catalog = load_catalog(with_pool())
    alone = replace(
        catalog,
        deployments=tuple(
            replace(one, price=None) if not one.pool else one for one in catalog.deployments
        ),
    )
    engine = engine_with(artifact, alone, waiting=99.0)
    chosen = engine.route(Request(HELLO)).chosen
    assert chosen.deployment.pool == "ours"
    average = average_usd(catalog.pools[0], chosen.input_tokens, chosen.output_tokens)
    assert chosen.expected_cost_usd == pytest.approx(average)


def test_what_is_chosen_between_two_readings_is_counted(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    engine = engine_with(artifact, load_catalog(with_pool()))
    request = Request(HELLO, allowed_tiers=frozenset({"medium"}))
    chosen = [engine.route(request).chosen.deployment.id for _ in range(200)]
    assert chosen[0] == "own-haiku"
    assert chosen[-1] == "claude-3-haiku"  # 32 places are taken, though no reading says so
    assert 20 <= chosen.count("own-haiku") <= 70


@pytest.mark.parametrize(("tier", "counted"), [("large", 0.0), ("medium", 1.0)])
def test_exploration_counts_on_the_pool_what_is_asked_and_not_what_was_chosen_before(
    server_config: Config, with_pool: Callable[..., Path], tier: str, counted: float
) -> None:
    path = with_pool()
    config = replace(server_config, catalog=path, store=path.with_name("o"), exploration_share=1.0)
    with RouterServer(config) as server:
        arm = server.versions.switch.now.main
        engine = engine_with(arm.engine.artifact, arm.engine.catalog)
        assert engine.pools is not None
        # The cheapest tier is chosen, and any may be drawn.
        request = Request(HELLO, Goal(willingness_to_pay_usd=1e-9))
        made = engine.route(request)
        assert made.chosen.deployment.pool == "ours"
        names = engine.catalog.tier_names
        ids = (f"{number:032x}" for number in range(10_000))
        drawn = next(
            one
            for one in (made._replace(decision_id=name) for name in ids)
            if explored(one, 1.0, names).chosen.deployment.tier == tier
        )
        taken = server.follow_up.enter(replace(arm, engine=engine), request, drawn).decision
        assert taken.chosen.deployment.tier == tier
        under_way = engine.pools.flows["ours"].under_way(time.monotonic())
        assert under_way == pytest.approx(counted, abs=0.2)


@pytest.mark.parametrize("state", [PoolState.DOWN, PoolState.DRAINING])
def test_a_pool_that_is_closed_is_no_candidate(
    artifact: Artifact, with_pool: Callable[..., Path], state: PoolState
) -> None:
    own, _ = pooled(engine_with(artifact, load_catalog(with_pool()), state=state))
    assert own.ineligible == (IneligibleReason.POOL_UNAVAILABLE,)


def test_a_pool_that_drains_by_the_catalog_is_no_candidate(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    engine = build_engine(artifact, load_catalog(with_pool(extra="draining = true")))
    assert pooled(engine)[0].ineligible == (IneligibleReason.POOL_UNAVAILABLE,)


def test_a_cold_pool_costs_its_average_and_a_cold_start(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    extra = "cold_start = { seconds = 120, hold_seconds = 480 }"
    catalog = load_catalog(with_pool(extra=extra))
    own, _ = pooled(engine_with(artifact, catalog, state=PoolState.COLD))
    average = average_usd(catalog.pools[0], own.input_tokens, own.output_tokens)
    assert own.expected_cost_usd == pytest.approx(average + 6.0 * 600 / 3600)
    awake, _ = pooled(engine_with(artifact, catalog))
    assert awake.expected_cost_usd == pytest.approx(average)


def test_a_pool_whose_load_is_not_read_costs_its_average(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    catalog = load_catalog(with_pool())
    plain = replace(catalog, pools=(replace(catalog.pools[0], load=None),))
    own, _ = pooled(build_engine(artifact, plain))
    average = average_usd(plain.pools[0], own.input_tokens, own.output_tokens)
    assert own.expected_cost_usd == pytest.approx(average)


def test_a_limit_of_cost_is_held_against_the_price_of_now(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    catalog = load_catalog(with_pool())
    goal = Goal(quality_target=0.0, max_cost_usd=2e-5)
    assert pooled(engine_with(artifact, catalog), goal)[0].ineligible == ()
    full, _ = pooled(engine_with(artifact, catalog, under_way=24.0), goal)
    assert full.ineligible == (IneligibleReason.OVER_MAX_COST,)


def test_without_an_alternative_the_list_price_of_its_own_model_bounds_a_pool(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    catalog = load_catalog(with_pool())
    price = next(one.price for one in catalog.deployments if one.id == "claude-3-haiku")
    alone = replace(
        catalog,
        deployments=tuple(
            replace(one, price=price if one.pool else None) for one in catalog.deployments
        ),
    )
    engine = engine_with(artifact, alone, waiting=99.0)
    chosen = engine.route(Request(HELLO)).chosen
    assert price is not None
    listed = expected_cost_usd(price, chosen.input_tokens, chosen.output_tokens)
    assert chosen.expected_cost_usd == pytest.approx(listed)


def test_a_review_may_ask_a_pool_at_its_price_of_now(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    catalog = load_catalog(with_pool())
    engine = engine_with(artifact, catalog, under_way=20.0)
    estimates = engine.route(Request(HELLO)).estimates
    own = next(one for one in estimates if one.deployment.pool)
    candidates = candidates_of(estimates, catalog.tier_names)
    assert candidates.cheapest[1] is own
    ask = candidates.asks()[1]
    whole = ask.input_usd + own.output_tokens * ask.usd_per_token
    assert whole == pytest.approx(own.expected_cost_usd)
    assert whole > 0.0


def test_decisions_and_readings_at_once_never_see_half_a_load(
    artifact: Artifact, with_pool: Callable[..., Path]
) -> None:
    catalog = load_catalog(with_pool())
    engine = engine_with(artifact, catalog)
    pools = engine.pools
    assert isinstance(pools, LivePools)
    done = threading.Event()

    def publish() -> None:
        while not done.is_set():
            for waiting in (0.0, 500.0):
                load: Load = nothing_read(catalog.pools[0])._replace(
                    state=PoolState.SERVING, at=time.monotonic(), waiting=waiting
                )
                pools.loads = {"ours": load}

    writer = threading.Thread(target=publish)
    writer.start()
    try:
        for _ in range(300):
            own, api = pooled(engine)
            assert 0.0 <= own.expected_cost_usd <= api.expected_cost_usd * (1 + 1e-12)
    finally:
        done.set()
        writer.join()


@contextmanager
def serving(config: Config, catalog: Path) -> Iterator[grpc.Channel]:
    changed = replace(config, catalog=catalog, store=catalog.with_name("outcomes.sqlite3"))
    with (
        RouterServer(changed) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield channel


def own_candidate(channel: grpc.Channel) -> pb.Candidate:
    answer = RouterServiceStub(channel).Route(pb.RouteRequest(prompt="Say hello."))
    (own,) = (one for one in answer.candidates if one.deployment == "own-haiku")
    return own


def test_a_server_follows_the_load_of_its_pool(
    server_config: Config, with_pool: Callable[..., Path]
) -> None:
    with (
        metrics_server(page(IDLE)) as metrics,
        serving(server_config, with_pool(metrics.url)) as channel,
    ):
        wait_until(lambda: own_candidate(channel).expected_cost_usd == 0.0)
        own = own_candidate(channel)
        assert own.average_cost_usd > 0.0
        assert not own.HasField("upper_cost_usd")
        health = health_pb2_grpc.HealthStub(channel)
        check = health_pb2.HealthCheckRequest(service="pools")
        wait_until(lambda: health.Check(check).status == 1)
        metrics.answer = page(FULL)
        wait_until(lambda: own_candidate(channel).expected_cost_usd > 0.0)
        metrics.close()
        gone = pb.INELIGIBLE_REASON_POOL_UNAVAILABLE
        wait_until(lambda: gone in own_candidate(channel).ineligible_reasons)
        assert health.Check(check).status == 2
        ready = health_pb2.HealthCheckRequest(service="readiness")
        assert health.Check(ready).status == 1  # the others serve all the same


def test_a_server_without_its_pool_starts_and_says_so(
    server_config: Config, with_pool: Callable[..., Path]
) -> None:
    with serving(server_config, with_pool(unused_url())) as channel:
        gone = pb.INELIGIBLE_REASON_POOL_UNAVAILABLE
        wait_until(lambda: gone in own_candidate(channel).ineligible_reasons)
        listed = RouterServiceStub(channel).ListTiers(pb.ListTiersRequest())
        found = [item for tier in listed.tiers for item in tier.deployments if item.pool]
        assert [(item.id, item.pool) for item in found] == [("own-haiku", "ours")]


def test_a_command_asks_every_endpoint_once(
    with_pool: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with metrics_server() as metrics:
        assert main(["pools", "load", "--catalog", str(with_pool(metrics.url))]) == 0
        assert "ours" in capsys.readouterr().out
        metrics.answer = page("nothing")
        assert main(["pools", "load", "--catalog", str(with_pool(metrics.url))]) == 1
        assert "is this the metrics address of vllm?" in capsys.readouterr().out


def test_the_command_shows_what_gpus_do_meanwhile(
    with_pool: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    dcgm = 'DCGM_FI_DEV_POWER_USAGE{gpu="0"} 600\nDCGM_FI_DEV_POWER_USAGE{gpu="1"} 400\n'
    dcgm += 'DCGM_FI_PROF_DRAM_ACTIVE{gpu="0"} 0.5\n'
    with metrics_server(page(VLLM)) as engine, metrics_server(page(dcgm)) as gpus:
        command = ["pools", "load", "--catalog", str(with_pool(engine.url)), "--gpus"]
        assert main([*command, gpus.url]) == 0
        (row,) = [line for line in capsys.readouterr().out.splitlines() if gpus.url in line]
        assert row.split()[1:] == ["500", "50%"]
        assert main([*command, engine.url]) == 1
        assert "no metric of DCGM is there" in capsys.readouterr().out
        assert main([*command, "http://127.0.0.1:9/metrics"]) == 1
        with pytest.raises(SystemExit):
            main([*command, "127.0.0.1:9400"])


def test_the_commands_show_a_deployment_on_a_pool(
    with_pool: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tiers", "--catalog", str(with_pool())]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "own-haiku" in line)
    assert line.split()[3:5] == ["pool", "pool"]
