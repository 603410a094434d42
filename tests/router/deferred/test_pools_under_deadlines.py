"""Work that can wait, and a pool: what a place is worth to it, and waiting for idle hours."""

import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from router.catalog import Catalog, parse_catalog
from router.cost.pools.load import PoolState, nothing_read
from router.deferred.choice import asked_later, taken_by
from router.deferred.ways import Deadline, ServiceWay
from router.engine import Engine, build_engine
from router.predict.artifact import Artifact
from router.server.decision_line import Logged, decision_line
from router.types import Decision, Goal, Message, Request

HELLO = (Message("user", "Say hello in three languages."),)
TARGET = Goal(quality_target=0.0)
DAY = Deadline(86_400.0, 0.99)
POOL = """
[[deployments]]
id = "own"
tier = "small"
kind = "gpu"
provider = "own"
model = "llama-3-8b-instruct"
pool = "ours"
context_window_tokens = 8192
max_output_tokens = 4096

[[pools]]
name = "ours"
replicas = 1
gpus_per_replica = 1
usd_per_gpu_hour = 3.0

[pools.throughput]
prefill_tokens_per_s = 10000.0
decode_tokens_per_s = 1000.0
concurrency = 32

[pools.load]
engine = "vllm"
urls = ["http://127.0.0.1:9/metrics"]
"""
Make = Callable[..., Engine]


def catalog_of(file: Path, *, has_idle_hours: bool) -> Catalog:
    """Return the test catalog with a pool; each API has batches at half price, all done in time."""
    content = tomllib.loads(file.read_text(encoding="utf-8") + POOL)
    day = content["deployments"][0]["price"]["as_of"]
    for item in content["deployments"]:
        item["completion"] = {
            "sync": [{"seconds": 60, "probability": 0.995}],
            "as_of": day,
            "source": "a test",
        }
        if "price" in item:
            half = dict(item["price"])
            half["input_usd_per_mtok"] /= 2
            half["output_usd_per_mtok"] /= 2
            item["batch_price"] = half
            item["completion"]["batch"] = [{"seconds": 3600, "probability": 1.0}]
        elif has_idle_hours:
            item["flex_price"] = {
                "input_usd_per_mtok": 0.0001,
                "output_usd_per_mtok": 0.0001,
                "as_of": day,
                "source": "paid already",
            }
            item["completion"]["flex"] = [{"seconds": 7200, "probability": 0.9}]
    return parse_catalog(content, "catalog.toml")


@pytest.fixture
def make(artifact: Artifact, catalog_file: Path) -> Make:
    def made(under_way: float, *, has_idle_hours: bool = False) -> Engine:
        catalog = catalog_of(catalog_file, has_idle_hours=has_idle_hours)
        engine = build_engine(artifact, catalog)
        assert engine.pools is not None
        fresh = nothing_read(catalog.pools[0])
        fresh = fresh._replace(state=PoolState.SERVING, at=time.monotonic(), under_way=under_way)
        engine.pools.loads = {"ours": fresh}
        return engine

    return made


def decided(engine: Engine, deadline: Deadline | None) -> Decision:
    return engine.route(Request(HELLO, TARGET, deadline=deadline))


def test_a_full_pool_costs_work_that_can_wait_what_a_batch_costs(make: Make) -> None:
    engine = make(64.0)
    for deadline in (None, DAY):
        *apis, own = decided(engine, deadline).estimates
        (same_tier,) = (one for one in apis if one.deployment.tier == own.deployment.tier)
        least = min(one.expected_cost_usd for one in apis if one.adequacy >= own.adequacy)
        assert least <= same_tier.expected_cost_usd
        assert own.expected_cost_usd == pytest.approx(least)
    at_once, waiting = (decided(engine, one).estimates[-1] for one in (None, DAY))
    assert waiting.expected_cost_usd == pytest.approx(at_once.expected_cost_usd / 2)


def test_an_idle_pool_is_asked_at_once_by_work_that_could_wait(make: Make) -> None:
    for has_idle_hours in (False, True):
        decision = decided(make(2.0, has_idle_hours=has_idle_hours), DAY)
        offer = taken_by(decision.schedule, decision.estimates, decision.chosen)
        assert decision.chosen.deployment.id == "own"
        assert offer is not None
        assert offer.way is ServiceWay.SYNC


def test_who_waits_for_idle_hours_is_not_counted_as_on_its_way_to_the_pool(make: Make) -> None:
    engine = make(28.0, has_idle_hours=True)
    assert engine.pools is not None
    flow = engine.pools.flows["ours"]
    for _ in range(3):
        decision = decided(engine, DAY)
        assert decision.chosen.deployment.id == "own"
        assert asked_later(decision.schedule, decision.estimates, decision.chosen)
    assert flow.under_way(time.monotonic()) == 0.0
    pools = engine.pools
    idle = pools.loads["ours"]._replace(under_way=0.0)
    pools.loads = {"ours": idle}
    decided(engine, None)
    assert flow.under_way(time.monotonic()) > 0.9


def test_the_log_tells_the_deadline_and_the_price_of_the_way_taken(make: Make) -> None:
    engine = make(64.0)
    request = Request(HELLO, TARGET, deadline=DAY)
    decision = engine.route(request)
    item = decision.chosen.deployment
    line = decision_line(engine, 0.0, Logged(request, decision, decision))
    assert '"deadline": {"needed_within_seconds": 86400.0, "confidence": 0.99}' in line
    assert item.batch_price is not None
    assert f'"price": {{"input_usd_per_mtok": {item.batch_price.input_usd_per_mtok}' in line
    plain = request._replace(deadline=None)
    line = decision_line(engine, 0.0, Logged(plain, engine.route(plain), engine.route(plain)))
    assert "deadline" not in line


def test_work_that_can_wait_leaves_a_filling_pool_first(make: Make) -> None:
    """Worth half as much there, it ranks below the same work that is needed at once."""
    engine = make(31.0)
    assert engine.pools is not None
    chosen: dict[bool, int] = {True: 0, False: 0}
    for number in range(128):
        deadline = DAY if number % 2 else None
        full = engine.pools.loads["ours"]._replace(at=time.monotonic(), under_way=30.0)
        engine.pools.loads = {
            "ours": full._replace(own=engine.pools.flows["ours"].under_way(full.at))
        }
        chosen[deadline is not None] += decided(engine, deadline).chosen.deployment.id == "own"
    assert chosen[True] < chosen[False]
