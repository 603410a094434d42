"""Requests with a deadline: who may serve, which way is taken, and what the answer says."""

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

import grpc
import pytest

from router.catalog import Catalog, parse_catalog
from router.cli.main import main
from router.config import Config
from router.cost.estimate import expected_cost_usd
from router.deferred.ways import Deadline, ServiceWay
from router.engine import Engine, build_engine
from router.errors import NoCandidateError
from router.predict.artifact import Artifact
from router.server.app import RouterServer
from router.types import Goal, IneligibleReason, Message, Request
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

HELLO = (Message("user", "Say hello in three languages."),)
TARGET = Goal(quality_target=0.0)
DAY = Deadline(86_400.0, 0.99)
SPOT = """
[[deployments]]
id = "own-spot"
tier = "small"
kind = "gpu"
provider = "own"
model = "llama-3-8b-instruct"
pool = "spot"
context_window_tokens = 8192
max_output_tokens = 4096

[deployments.completion]
sync = [{ seconds = 120, probability = 0.995 }]
as_of = 2026-11-12
source = "a test"

[[pools]]
name = "spot"
replicas = 1
gpus_per_replica = 1
usd_per_gpu_hour = 0.001
purchase = "spot"

[pools.throughput]
prefill_tokens_per_s = 10000.0
decode_tokens_per_s = 1000.0
concurrency = 32
"""
DEFERRED = """
[deadlines]
confidence = 0.99
"""


def batch_price(content: dict) -> dict:
    half = dict(content["price"])
    half["input_usd_per_mtok"] /= 2
    half["output_usd_per_mtok"] /= 2
    return half


def make_catalog(file: Path, *, spot: bool = False) -> Catalog:
    """Return the test catalog, every deployment but the first with batches at half its price."""
    content = tomllib.loads(file.read_text(encoding="utf-8") + DEFERRED)
    for place, item in enumerate(content["deployments"]):
        item["completion"] = {
            "sync": [
                {"seconds": 20, "probability": 0.5},
                {"seconds": 60, "probability": 0.995},
            ],
            "as_of": item["price"]["as_of"],
            "source": "a test",
        }
        if place:
            item["batch_price"] = batch_price(item)
            item["completion"]["batch"] = [{"seconds": 3600, "probability": 0.9}]
    if spot:
        extra = tomllib.loads(SPOT)
        content["deployments"] += extra["deployments"]
        content["pools"] = extra["pools"]
    return parse_catalog(content, "catalog.toml")


@pytest.fixture(scope="module")
def deferred(artifact: Artifact, catalog_file: Path) -> Engine:
    return build_engine(artifact, make_catalog(catalog_file))


@pytest.fixture(scope="module")
def with_spot(artifact: Artifact, catalog_file: Path) -> Engine:
    return build_engine(artifact, make_catalog(catalog_file, spot=True))


def test_idle_hours_of_ones_own_gpus_are_a_batch_with_a_price_of_its_own(
    artifact: Artifact, catalog_file: Path
) -> None:
    content = tomllib.loads(catalog_file.read_text(encoding="utf-8") + DEFERRED)
    extra = tomllib.loads(SPOT.replace('"spot"', '"ours"').replace("0.001", "100.0"))
    extra["pools"][0].pop("purchase")
    (own,) = extra["deployments"]
    night = {"input_usd_per_mtok": 0.0, "output_usd_per_mtok": 1e-6, "source": "energy"}
    own["batch_price"] = night | {"as_of": own["completion"]["as_of"]}
    own["completion"]["batch"] = [{"seconds": 12 * 3600, "probability": 0.9999}]
    content["deployments"].append(own)
    catalog = parse_catalog({**content, "pools": extra["pools"]}, "catalog.toml")
    assert catalog.deployments[-1].batch_price is not None
    engine = build_engine(artifact, catalog)
    assert engine.pools is not None
    decision = engine.route(Request(HELLO, TARGET, deadline=DAY))
    assert decision.chosen.deployment.id == "own-spot"
    assert decision.schedule is not None
    offer = decision.schedule.taken[-1]
    assert offer is not None
    assert offer.way is ServiceWay.BATCH
    # What is asked tonight is not under way now.
    assert engine.pools.flows["ours"].under_way(monotonic()) == 0.0


def test_without_a_deadline_nothing_changes(deferred: Engine, engine: Engine) -> None:
    ours, theirs = (one.route(Request(HELLO, TARGET)) for one in (deferred, engine))
    assert ours.schedule is None
    assert [one[1:] for one in ours.estimates] == [one[1:] for one in theirs.estimates]


def test_a_candidate_costs_its_batch_and_its_share_of_asking_at_once(deferred: Engine) -> None:
    decision = deferred.route(Request(HELLO, TARGET, deadline=DAY))
    assert decision.schedule is not None
    for one, taken in zip(decision.estimates[1:], decision.schedule.taken[1:], strict=True):
        assert taken is not None
        assert taken.way is ServiceWay.BATCH
        assert taken.fall_back_after_seconds == 86_400.0 - 60.0
        tokens = one.input_tokens, one.output_tokens
        batch, price = one.deployment.batch_price, one.deployment.price
        assert batch is not None
        assert price is not None
        assert one.expected_cost_usd == pytest.approx(
            expected_cost_usd(batch, *tokens) + 0.1 * expected_cost_usd(price, *tokens)
        )


def test_a_deadline_that_is_too_near_leaves_only_what_is_in_time(deferred: Engine) -> None:
    decision = deferred.route(Request(HELLO, TARGET, deadline=Deadline(60.0, 0.99)))
    assert decision.schedule is not None
    assert {one.way for one in decision.schedule.taken if one} == {ServiceWay.SYNC}
    with pytest.raises(NoCandidateError) as caught:
        deferred.route(Request(HELLO, TARGET, deadline=Deadline(59.0, 0.99)))
    assert "TOO_LATE" in caught.value.message
    assert caught.value.message.endswith("wait longer, or ask for less confidence")


def test_a_deployment_of_unknown_speed_is_no_candidate_under_a_deadline(engine: Engine) -> None:
    with pytest.raises(NoCandidateError) as caught:
        engine.route(Request(HELLO, TARGET, deadline=DAY))
    assert "claude-3-haiku: COMPLETION_UNKNOWN" in caught.value.message


def test_a_batch_may_be_within_a_maximum_cost_that_a_call_at_once_is_above(
    deferred: Engine,
) -> None:
    plain = deferred.route(Request(HELLO, TARGET)).estimates[2].expected_cost_usd
    goal = Goal(quality_target=0.0, max_cost_usd=0.7 * plain)
    at_once = deferred.route(Request(HELLO, goal)).estimates[2]
    waiting = deferred.route(Request(HELLO, goal, deadline=DAY)).estimates[2]
    assert at_once.ineligible == (IneligibleReason.OVER_MAX_COST,)
    assert waiting.ineligible == ()


def test_a_spot_pool_takes_only_work_that_can_wait(with_spot: Engine) -> None:
    at_once = with_spot.route(Request(HELLO, TARGET))
    waiting = with_spot.route(Request(HELLO, TARGET, deadline=DAY))
    assert at_once.estimates[3].ineligible == (IneligibleReason.DEFERRABLE_ONLY,)
    assert waiting.chosen.deployment.id == "own-spot"


def test_an_on_demand_pool_takes_any_work(artifact: Artifact, catalog_file: Path) -> None:
    catalog = make_catalog(catalog_file, spot=True)
    owned = replace(catalog, pools=(replace(catalog.pools[0], purchase="on-demand"),))
    assert build_engine(artifact, owned).route(Request(HELLO, TARGET)).chosen.deployment.pool


@pytest.fixture(scope="module")
def deferred_stub(
    tiny_artifact: Path, catalog_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RouterServiceStub]:
    directory = tmp_path_factory.mktemp("deferred")
    text = catalog_file.read_text(encoding="utf-8").rstrip() + WIRE
    (directory / "catalog.toml").write_text(text + DEFERRED, encoding="utf-8")
    config = Config(
        address="127.0.0.1:0",
        artifact=tiny_artifact,
        catalog=directory / "catalog.toml",
        store=directory / "outcomes.sqlite3",
    )
    with RouterServer(config) as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as open_:
        yield RouterServiceStub(open_)


WIRE = """
[deployments.prompt_cache]
ttl_seconds = 300
min_tokens = 0
hit_rate = 1.0

[deployments.batch_price]
input_usd_per_mtok = 1.5
output_usd_per_mtok = 7.5
as_of = 2026-11-12
source = "a test"

[deployments.completion]
sync = [{ seconds = 60, probability = 0.995 }]
batch = [{ seconds = 3600, probability = 0.9 }]
as_of = 2026-11-12
source = "a test"
"""


def test_the_answer_says_how_to_ask_and_when_to_fall_back(deferred_stub: RouterServiceStub) -> None:
    answer = deferred_stub.Route(
        pb.RouteRequest(
            prompt="Why?", deadline=pb.Deadline(needed_within_seconds=7260.0), explain_cost=True
        )
    )
    assert answer.deployment == "claude-3-5-sonnet"
    assert answer.schedule.confidence == 0.99
    offer = answer.schedule.offer
    assert offer.way == pb.SERVICE_WAY_BATCH
    assert offer.fall_back_after_seconds == 7200.0
    assert offer.late_probability == pytest.approx(0.1)
    assert offer.in_time_probability == pytest.approx(0.995 + 0.9 * 0.005)
    chosen = answer.candidates[2]
    assert chosen.batch_eligible
    assert chosen.expected_cost_usd == offer.expected_cost_usd
    assert [one.way for one in chosen.offers] == [pb.SERVICE_WAY_SYNC, pb.SERVICE_WAY_BATCH]
    assert not chosen.HasField("upper_cost_usd")
    assert not chosen.HasField("cost_split")
    assert list(answer.candidates[0].ineligible_reasons) == [
        pb.INELIGIBLE_REASON_COMPLETION_UNKNOWN
    ]


def test_without_a_deadline_an_answer_still_tells_that_a_batch_would_do(
    deferred_stub: RouterServiceStub,
) -> None:
    answer = deferred_stub.Route(pb.RouteRequest(prompt="Why?"))
    assert [one.batch_eligible for one in answer.candidates] == [False, False, True]
    assert not answer.HasField("schedule")
    assert not any(one.offers for one in answer.candidates)


def test_a_prompt_that_waits_for_a_batch_makes_no_cache_warm(
    deferred_stub: RouterServiceStub,
) -> None:
    def cache_read(seconds: float) -> float:
        asked = pb.RouteRequest(prompt="Why? " * 100, explain_cost=True, allowed_tiers=["large"])
        asked.session_id = f"needed within {seconds}"
        request = pb.RouteRequest()
        request.CopyFrom(asked)
        request.deadline.needed_within_seconds = seconds
        deferred_stub.Route(request)
        return deferred_stub.Route(asked).candidates[2].cost_split.cache_read_usd

    assert cache_read(86_400.0) == 0.0
    assert cache_read(60.0) > 0.0


def test_a_batch_of_requests_may_mix_deadlines(deferred_stub: RouterServiceStub) -> None:
    soon, late = pb.RouteRequest(prompt="Why?"), pb.RouteRequest(prompt="Why?")
    late.deadline.needed_within_seconds = 86_400.0
    late.deadline.confidence = 0.9
    first, second = deferred_stub.RouteBatch(pb.RouteBatchRequest(requests=[soon, late])).results
    assert not first.response.HasField("schedule")
    assert second.response.schedule.confidence == 0.9


def test_the_command_line_says_how_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    example = Path(__file__).resolve().parents[3] / "data" / "catalog.example.toml"
    asked = ["route", "Why is the sky blue?", "--catalog", str(example)]
    assert main([*asked, "--allow", "large", "--needed-within", "7200"]) == 0
    assert "in a batch; in time with a probability of 99.90%" in capsys.readouterr().out
