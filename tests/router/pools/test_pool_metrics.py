"""Pools as metrics: how full, and what flows off; sample manifests ask for what is told."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
import pytest
import yaml
from metrics_server import VLLM, metrics_server, page
from pool_catalog import catalog_with_pool
from waiting import wait_until

from router.config import Config
from router.cost.pools.live import LivePools
from router.cost.pools.pool import Pool, Throughput
from router.cost.pools.spills import Spilled
from router.metrics import families
from router.metrics.families import BY_NAME
from router.metrics.registry import Registry
from router.server.app import RouterServer
from router.server.pool_metrics import PoolMetrics
from router.server.warm import warm
from router.types import Capabilities, Deployment, Estimate, IneligibleReason
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

KUBERNETES = Path(__file__).resolve().parents[3] / "deploy" / "kubernetes"
IDLE = VLLM.replace("} 3.0", "} 0.0").replace("} 17.0", "} 2.0")
FULL = VLLM.replace("} 3.0", "} 300.0")
POOL = Pool("ours", 2, 1, 3.0, Throughput(10_000.0, 1_000.0, 32))
CAN = Capabilities(10**6, 10**4)
OWN = Deployment("own", "medium", "gpu", "own", "m", CAN, None, pool="ours")
API = Deployment("api", "medium", "api", "p", "m", CAN, None)


def estimate(item: Deployment, adequacy: float, *, may: bool = True) -> Estimate:
    reasons = () if may else (IneligibleReason.POOL_UNAVAILABLE,)
    return Estimate(item, adequacy, 1.0, 2000.0, 300.0, reasons)


@pytest.mark.parametrize(
    ("chosen", "own", "spilled"),
    [
        (estimate(API, 0.8), estimate(OWN, 0.8), 1),
        (estimate(API, 0.8), estimate(OWN, 0.9), 1),
        (estimate(API, 0.9), estimate(OWN, 0.8), 0),
        (estimate(API, 0.8), estimate(OWN, 0.8, may=False), 0),
        (estimate(OWN, 0.8), estimate(OWN, 0.8), 0),
    ],
)
def test_work_flows_off_where_the_pool_was_as_good_and_another_is_paid(
    chosen: Estimate, own: Estimate, spilled: int
) -> None:
    pools = LivePools([API, OWN], [POOL])
    pools.took(chosen, [estimate(API, chosen.adequacy), own])
    # 2,000 tokens in and 300 out: half a second of a replica.
    assert pools.spills.totals["ours"] == Spilled(spilled, pytest.approx(0.5 * spilled))


def test_spills_are_counted_on_when_another_engine_takes_over() -> None:
    registry, metrics = Registry(), PoolMetrics()
    first, second = LivePools([API, OWN], [POOL]), LivePools([API, OWN], [POOL])
    both = [estimate(API, 0.8), estimate(OWN, 0.8)]
    told = []
    for pools, more in ((first, 3), (first, 1), (second, 2)):
        for _ in range(more):
            pools.took(both[0], both)
        metrics.tell(registry, [pools])
        told.append(registry.cell(families.SPILLS, "ours").value)
    assert told == [3, 4, 6]
    assert registry.cell(families.SPILLED_WORK, "ours").value == pytest.approx(3.0)


@contextmanager
def serving(config: Config, catalog: Path, url: str, place: Path) -> Iterator[Any]:
    path = catalog_with_pool(catalog, place, url)
    config = replace(config, catalog=path, store=place / "o.sqlite3")
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield server, RouterServiceStub(channel)


def test_trying_an_engine_out_sends_nothing_to_its_pools(
    server_config: Config, catalog_file: Path, tmp_path: Path
) -> None:
    with (
        metrics_server(page(IDLE)) as metrics,
        serving(server_config, catalog_file, metrics.url, tmp_path) as (server, _),
    ):
        pools = server.engine.pools
        assert pools is not None
        warm(server.arm)
        assert pools.spills.totals["ours"].requests == 0
        assert pools.flows["ours"].under_way(monotonic()) == 0.0


def test_a_server_tells_how_full_its_pool_is_and_what_flows_off(
    server_config: Config, catalog_file: Path, tmp_path: Path
) -> None:
    asks = pb.RouteRequest(prompt="Say hello.", allowed_tiers=["medium"])

    def told(server: RouterServer, family: families.Family) -> float | None:
        values = server.snapshot().get(family.name, {})
        return values[("ours",)][0] if ("ours",) in values else None

    with (
        metrics_server(page(IDLE)) as metrics,
        serving(server_config, catalog_file, metrics.url, tmp_path) as (server, stub),
    ):
        wait_until(lambda: told(server, families.POOL_DEMAND) == pytest.approx(2 / 32))
        assert stub.Route(asks).deployment == "own-haiku"
        assert told(server, families.SPILLS) == 0
        saturation = told(server, families.POOL_SATURATION)
        assert saturation is not None
        assert saturation < 1.0
        metrics.answer = page(FULL)
        wait_until(lambda: (told(server, families.POOL_SATURATION) or 0.0) > 1.0)
        assert stub.Route(asks).deployment == "claude-3-haiku"
        assert told(server, families.SPILLS) == 1
        metrics.close()
        wait_until(lambda: told(server, families.POOL_SATURATION) is None)


def manifest(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((KUBERNETES / name).read_text(encoding="utf-8"))
    return content


def queries() -> list[str]:
    (trigger,) = manifest("pools/scaled-object.yaml")["spec"]["triggers"]
    (rule,) = manifest("pools/adapter-rules.yaml")["rules"]["external"]
    return [trigger["metadata"]["query"], rule["seriesQuery"], rule["metricsQuery"]]


@pytest.mark.parametrize("query", queries())
def test_the_sample_manifests_ask_for_what_the_router_tells(query: str) -> None:
    names = re.findall(r"\brouter_[a-z_]+", query)
    assert names
    for name in names:
        family = BY_NAME[name]
        assert family.labels == ("pool",)
        assert (f"rate({name}" in query) == (family.kind == "counter")
    assert set(re.findall(r'(\w+)(?:!=|=)"', query)) <= {"pool"}


def test_the_autoscaler_asks_for_the_metric_that_the_adapter_makes() -> None:
    scaler, (rule,) = (
        manifest("pools/autoscaler.yaml"),
        manifest("pools/adapter-rules.yaml")["rules"]["external"],
    )
    (metric,) = scaler["spec"]["metrics"]
    assert metric["external"]["metric"]["name"] == rule["name"]["as"]
    keda = manifest("pools/scaled-object.yaml")["spec"]
    (trigger,) = keda["triggers"]
    # Both aim at the same share of a replica's places.
    assert metric["external"]["target"]["averageValue"] == "700m"
    assert float(trigger["metadata"]["threshold"]) == 0.7
    assert keda["maxReplicaCount"] == scaler["spec"]["maxReplicas"]


def test_the_samples_are_no_part_of_the_routers_own_deployment() -> None:
    assert not any("pools" in one for one in manifest("kustomization.yaml")["resources"])
