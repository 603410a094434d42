"""Cells, snapshots, sums over workers, and the text that Prometheus reads."""

import http.client
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import ConfigError
from router.metrics import families
from router.metrics.endpoint import MetricsEndpoint
from router.metrics.families import FAMILIES, Family
from router.metrics.process import process_snapshot
from router.metrics.registry import (
    Registry,
    Snapshot,
    counters_of,
    from_line,
    merged,
    to_line,
)
from router.metrics.text import to_text

VALUES = st.floats(min_value=0.0, max_value=1e6, allow_nan=False)


def parsed(text: str) -> dict[str, object]:
    parser = pytest.importorskip("prometheus_client.parser")
    return {family.name: family for family in parser.text_string_to_metric_families(text)}


def filled() -> Snapshot:
    registry = Registry()
    for family in FAMILIES:
        labels = [f"{label}-value" for label in family.labels]
        if family.kind == "histogram":
            registry.histogram(family, *labels).add(0.3)
        else:
            registry.cell(family, *labels).value += 2
    return registry.snapshot()


def test_every_family_is_read_by_prometheus_as_it_is_meant() -> None:
    read = parsed(to_text(filled()))
    assert len(read) == len(FAMILIES)
    for family in FAMILIES:
        found = read[family.name.removesuffix("_total")]
        assert (found.type, found.documentation) == (family.kind, family.about)
        assert {label for sample in found.samples for label in sample.labels} == {
            *family.labels, *(["le"] if family.kind == "histogram" else []),
        }  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_follow_the_conventions(family: Family) -> None:
    assert family.name.startswith(("router_", "process_"))
    assert family.about.endswith(".")
    assert family.name.endswith("_total") == (family.kind == "counter")
    assert bool(family.bounds) == (family.kind == "histogram")
    assert list(family.bounds) == sorted(set(family.bounds))
    if family.kind == "counter":
        assert family.merge == "sum"


@given(st.lists(VALUES, max_size=50))
def test_buckets_are_cumulative_and_hold_every_value(values: list[float]) -> None:
    registry = Registry()
    histogram = registry.histogram(families.LOOP_LAG_SECONDS)
    for value in values:
        histogram.add(value)
    (found,) = parsed(to_text(registry.snapshot())).values()
    buckets = {
        float(sample.labels["le"]): sample.value
        for sample in found.samples
        if sample.name.endswith("_bucket")
    }
    for bound, count in buckets.items():
        assert count == sum(value <= bound for value in values)
    assert math.inf in buckets
    last = {sample.name.rpartition("_")[2]: sample.value for sample in found.samples}
    assert last["count"] == len(values)
    assert last["sum"] == pytest.approx(sum(values))


@given(st.text(max_size=20))
def test_a_label_of_any_text_survives(value: str) -> None:
    registry = Registry()
    registry.cell(families.ARTIFACT, value).value = 1
    text = to_text(registry.snapshot())
    if set(value) & set("\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"):
        return  # the reference parser splits lines at more than line feeds
    (found,) = parsed(text).values()
    assert found.samples[0].labels == {"version": value}


def test_workers_are_summed_and_some_gauges_are_not() -> None:
    one, other = filled(), filled()
    both = merged([one, other])
    for family in FAMILIES:
        ((_, values),) = both[family.name].items()
        ((_, alone),) = one[family.name].items()
        twice = [2 * value for value in alone]
        assert values == (twice if family.merge == "sum" else alone)


def test_labels_that_only_one_worker_has_are_kept() -> None:
    one, other = Registry(), Registry()
    one.cell(families.CALLS, "Route", "OK").value = 3
    other.cell(families.CALLS, "Route", "INTERNAL").value = 1
    assert merged([one.snapshot(), other.snapshot()]) == {
        families.CALLS.name: {("Route", "OK"): [3], ("Route", "INTERNAL"): [1]}
    }


def test_merging_changes_none_of_the_snapshots() -> None:
    one, other = filled(), filled()
    merged([one, other, other])
    assert one == other == filled()


def test_a_snapshot_survives_the_way_to_another_process() -> None:
    assert from_line(to_line(filled())) == filled()


def test_of_a_worker_that_has_gone_only_counters_stay() -> None:
    kept = counters_of(filled())
    assert families.CALLS.name in kept
    assert families.STAGE_SECONDS.name in kept
    assert families.IN_FLIGHT.name not in kept


def test_a_family_that_is_cleared_is_told_no_more() -> None:
    registry = Registry()
    registry.cell(families.ARTIFACT, "old").value = 1
    registry.clear(families.ARTIFACT)
    registry.cell(families.ARTIFACT, "new").value = 1
    assert 'version="new"' in to_text(registry.snapshot())
    assert 'version="old"' not in to_text(registry.snapshot())


def test_the_process_is_told_under_its_usual_names() -> None:
    snapshot = process_snapshot(7.0)
    assert snapshot["process_start_time_seconds"] == {(): [7.0]}
    assert snapshot["process_resident_memory_bytes"][()][0] > 1e6
    assert snapshot["process_cpu_seconds_total"][()][0] > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_metrics_are_had_over_either_internet(host: str) -> None:
    with MetricsEndpoint(f"{host}:0", lambda: "told\n", lambda: True) as endpoint:
        connection = http.client.HTTPConnection(host.strip("[]"), endpoint.port, timeout=5)
        connection.request("GET", "/metrics?name=router")
        assert connection.getresponse().read() == b"told\n"
        connection.close()


def test_a_metrics_address_in_use_is_refused_by_name() -> None:
    with (
        MetricsEndpoint("127.0.0.1:0", lambda: "", lambda: True) as endpoint,
        pytest.raises(ConfigError, match=f"metrics_address = '127.0.0.1:{endpoint.port}'"),
    ):
        MetricsEndpoint(f"127.0.0.1:{endpoint.port}", lambda: "", lambda: True)
