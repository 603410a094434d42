"""Every query of the Grafana dashboard asks for what a real server tells, by labels it has."""

import json
import re
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from metrics_server import VLLM, metrics_server, page
from pool_catalog import catalog_with_pool
from waiting import wait_until

from router.config import Config
from router.metrics.families import (
    BY_NAME,
    POOL_DEMAND,
    WORKER_RESTARTS,
    WORKER_UP,
    WORKERS_WANTED,
    Family,
)
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "router.json").read_text(encoding="utf-8"))
QUERIES = [
    (panel["title"], target["expr"], target["legendFormat"])
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]
OF_THE_CONTROL_PROCESS = {WORKERS_WANTED.name, WORKER_UP.name, WORKER_RESTARTS.name}
GIVEN_BY_PROMETHEUS = {"job", "le"}


def families_in(query: str) -> dict[str, Family]:
    """Return the families a query names, by the name it uses."""
    found = {}
    for name in re.findall(r"\b(?:router|process)_[a-z_]+", query):
        base = name if name in BY_NAME else re.sub(r"_(bucket|sum|count)$", "", name)
        found[name] = BY_NAME[base]
    return found


@pytest.fixture(scope="module")
def told(
    server_config: Config, catalog_file: Path, other_artifact: Path, tmp_path_factory
) -> set[str]:
    """Return the names of all families that a server with a pool, traffic and trials tells."""
    place = tmp_path_factory.mktemp("dashboard")
    trials = {"canary": other_artifact, "canary_share": 0.5, "shadow": other_artifact}
    config = replace(server_config, store=place / "o.sqlite3", shadow_share=1.0, **trials)
    with metrics_server(page(VLLM)) as metrics:
        config = replace(config, catalog=catalog_with_pool(catalog_file, place, metrics.url))
        with (
            RouterServer(config) as server,
            grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            stub = RouterServiceStub(channel)
            requests = [pb.RouteRequest(prompt="Hello", session_id=str(n)) for n in range(64)]
            stub.RouteBatch(pb.RouteBatchRequest(requests=requests))
            stub.Route(pb.RouteRequest(prompt="Hello"))
            stub.RecordOutcome(pb.RecordOutcomeRequest(decision_id="d", request_id="dashboard"))
            with pytest.raises(grpc.RpcError):
                stub.Route(pb.RouteRequest())
            server.versions.switch.now.shadow.wait()
            wait_until(lambda: POOL_DEMAND.name in server.snapshot())
            return set(server.snapshot())


@pytest.mark.parametrize(("title", "query", "legend"), QUERIES)
def test_a_query_asks_for_what_is_told_by_labels_that_are_there(
    told: set[str], title: str, query: str, legend: str
) -> None:
    families = families_in(query)
    assert families, title
    labels = set()
    for name, family in families.items():
        assert family.name in told | OF_THE_CONTROL_PROCESS
        suffix = name.removeprefix(family.name)
        assert (family.kind == "histogram") == (suffix in {"_bucket", "_sum", "_count"}), name
        rate = re.search(rf"(rate|increase)\({name}\b", query) is not None
        assert rate == (family.kind != "gauge"), f"{name} is a {family.kind}"
        labels |= set(family.labels)
    used = set(re.findall(r"(\w+)(?:=~|!=|=)\"", query))
    used |= {word for by in re.findall(r"by \(([^)]*)\)", query) for word in by.split(", ")}
    used |= set(re.findall(r"{{(\w+)}}", legend))
    assert used <= labels | GIVEN_BY_PROMETHEUS


def test_every_family_is_on_the_dashboard() -> None:
    asked = {family.name for _, query, _ in QUERIES for family in families_in(query).values()}
    assert set(BY_NAME) - asked == {"process_start_time_seconds"}


def test_panels_do_not_overlap() -> None:
    taken = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
