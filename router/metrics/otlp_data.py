"""A snapshot in OpenTelemetry's data model, as its exporters take it.

Its programming interface has no instrument for a histogram that was counted elsewhere, so the
points are made here from the same snapshot that Prometheus is told.
"""

from collections.abc import Callable
from typing import Any

from router import __version__
from router.metrics.families import FAMILIES, Family
from router.metrics.otlp_names import named
from router.metrics.registry import Labels, Snapshot


def to_metrics_data(snapshot: Snapshot, resource: Any, began_ns: int, now_ns: int) -> Any:
    """Return a snapshot as ``MetricsData``: families in their order, none without a value.

    Args:
        snapshot: All numbers; counters and histograms hold everything since ``began_ns``.
        resource: Who tells it, of OpenTelemetry.
        began_ns: When counting began, in nanoseconds since 1970.
        now_ns: When the snapshot was taken.

    Raises:
        ImportError: the extra "otel" is not installed.
    """
    from opentelemetry.sdk.metrics import export
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    metrics = [
        _metric(export, family, cells, began_ns, now_ns)
        for family in FAMILIES
        if (cells := snapshot.get(family.name))
    ]
    scope = export.ScopeMetrics(InstrumentationScope("llm-tier-router", __version__), metrics, "")
    return export.MetricsData([export.ResourceMetrics(resource, [scope], "")])


def _metric(
    export: Any, family: Family, cells: dict[Labels, list[float]], began_ns: int, now_ns: int
) -> Any:
    called = named(family)
    cumulative = export.AggregationTemporality.CUMULATIVE

    def number(labels: Labels, values: list[float]) -> Any:
        # Always a float: a series that began with a whole number would change its type.
        told = called.values(labels)
        return export.NumberDataPoint(told, began_ns, now_ns, float(values[0]))

    def distribution(labels: Labels, values: list[float]) -> Any:
        *counts, total = values
        return export.HistogramDataPoint(
            attributes=called.values(labels),
            start_time_unix_nano=began_ns,
            time_unix_nano=now_ns,
            count=int(sum(counts)),
            sum=float(total),
            bucket_counts=[int(count) for count in counts],
            explicit_bounds=family.bounds,
            min=None,  # not kept
            max=None,
        )

    point: Callable[[Labels, list[float]], Any]
    point = distribution if family.kind == "histogram" else number
    points = [point(labels, values) for labels, values in sorted(cells.items())]
    data = {
        "counter": lambda: export.Sum(points, cumulative, is_monotonic=True),
        "gauge": lambda: export.Gauge(points),
        "histogram": lambda: export.Histogram(points, cumulative),
    }[family.kind]()
    return export.Metric(called.name, family.about, called.unit, data)
