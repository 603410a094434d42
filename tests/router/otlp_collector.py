"""A tiny collector: takes metrics over OTLP (HTTP) and keeps what it was sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from router.metrics.families import BY_NAME, FAMILIES
from router.metrics.otlp_names import named
from router.metrics.registry import Snapshot

FAMILY_OF = {named(family).name: family for family in FAMILIES}


class Collector:
    """A running collector.

    Attributes:
        url: Of its endpoint.
        status: Answered to every request; to be changed by a test.
        requests: Those taken, decoded, oldest first.
        asked: How many came, refused ones included.
    """

    def __init__(self) -> None:
        from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as service

        self.status, self.asked = 200, 0
        self.requests: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.asked += 1
                if self.path == "/v1/metrics" and collector.status == 200:
                    sent = service.ExportMetricsServiceRequest.FromString(body)
                    collector.requests.append(sent)
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def resource(self) -> dict[str, str]:
        """Return who sent the latest request."""
        (sent,) = self.requests[-1].resource_metrics
        return {item.key: item.value.string_value for item in sent.resource.attributes}

    def metrics(self) -> dict[str, Any]:
        """Return the metrics of the latest request by name."""
        (resource,) = self.requests[-1].resource_metrics
        (scope,) = resource.scope_metrics
        return {metric.name: metric for metric in scope.metrics}

    def snapshot(self) -> Snapshot:
        """Return the latest request as the snapshot it must have been made of."""
        found: Snapshot = {}
        for name, metric in self.metrics().items():
            family = FAMILY_OF[name]
            kind = {"sum": "counter"}.get(metric.WhichOneof("data"), metric.WhichOneof("data"))
            assert kind == BY_NAME[family.name].kind
            for point in getattr(metric, metric.WhichOneof("data")).data_points:
                told = {item.key: item.value.string_value for item in point.attributes}
                assert tuple(told) == named(family).attributes
                methods = [value.rpartition("/")[2] for value in told.values()]
                if kind == "histogram":
                    assert tuple(point.explicit_bounds) == family.bounds
                    assert point.count == sum(point.bucket_counts)
                    values = [*point.bucket_counts, point.sum]
                else:
                    values = [point.as_double]
                found.setdefault(family.name, {})[tuple(methods)] = values
        return found


@contextmanager
def otlp_collector() -> Iterator[Collector]:
    """Run a collector."""
    collector = Collector()
    try:
        yield collector
    finally:
        collector.server.shutdown()
        collector.server.server_close()
