"""What families are called in OpenTelemetry."""

import re

import pytest

from router.metrics import families
from router.metrics.families import FAMILIES, Family
from router.metrics.otlp_names import named
from router.server.traces import attributes_of
from router.v1 import router_pb2 as pb


@pytest.mark.parametrize(
    ("family", "name", "unit"),
    [
        (families.DECISIONS, "llm_router.decisions", "{decision}"),
        (families.CALL_SECONDS, "llm_router.call.duration", "s"),
        (families.EXPECTED_COST, "llm_router.expected_cost", "{USD}"),
        (families.SHADOW_COST, "llm_router.shadow.cost_difference", "{USD}"),
        (families.POOL_SATURATION, "llm_router.pool.saturation", "1"),
        (families.CPU_SECONDS, "llm_router.process.cpu.time", "s"),
        (families.RESIDENT, "llm_router.process.resident_memory", "By"),
        (families.START_TIME, "llm_router.process.start_time", "s"),
        (families.WORKERS_WANTED, "llm_router.workers", "{worker}"),
    ],
)
def test_a_name_follows_from_the_family(family: Family, name: str, unit: str) -> None:
    called = named(family)
    assert (called.name, called.unit) == (name, unit)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_follow_opentelemetrys_conventions(family: Family) -> None:
    called = named(family)
    for name in (called.name, *called.attributes):
        assert re.fullmatch(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+", name)
    assert called.name.startswith("llm_router.")
    assert not re.search(r"_(total|seconds|usd|bytes)\b", called.name)
    if family.kind == "counter":  # whoever adds a counter says what it counts
        assert called.unit != "1"


def test_no_two_families_and_no_two_attributes_of_one_share_a_name() -> None:
    assert len({named(family).name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert len(set(named(family).attributes)) == len(family.labels)


def test_attributes_of_the_conventions_are_used_as_these_mean_them() -> None:
    conventions = pytest.importorskip("opentelemetry.semconv._incubating.attributes.rpc_attributes")
    error = pytest.importorskip("opentelemetry.semconv.attributes.error_attributes")
    assert named(families.CALLS).values(("Route", "OK")) == {
        conventions.RPC_METHOD: "router.v1.RouterService/Route",
        conventions.RPC_RESPONSE_STATUS_CODE: "OK",
    }
    reload = named(families.CALL_SECONDS).values(("Reload",))
    assert reload == {conventions.RPC_METHOD: "router.v1.AdminService/Reload"}
    assert error.ERROR_TYPE in named(families.ERRORS).attributes


def test_what_spans_tell_too_has_the_same_name_there() -> None:
    answer = pb.RouteResponse(deployment="d", candidates=[pb.Candidate(deployment="d")])
    of_spans = set(attributes_of(answer))
    assert set(named(families.DECISIONS).attributes) <= of_spans
    assert set(named(families.CATALOG).attributes) <= of_spans
