"""Metrics sent over OTLP (HTTP) at an interval, from a thread of its own; an extra.

It takes the snapshots that Prometheus would be told, so nothing is counted for it. Where it sends
to is OpenTelemetry's configuration (OTEL_* variables). A collector that cannot be reached is
logged once and tried again; nobody waits for it but the end of the process, for seconds.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from router.errors import MissingExtraError
from router.metrics.otlp_data import to_metrics_data
from router.metrics.otlp_environment import interval_seconds, is_disabled, refuse_deltas
from router.metrics.registry import Snapshot
from router.metrics.resource import resource

LAST_SECONDS = 5.0

logger = logging.getLogger("router.metrics")


class OtlpPush:
    """Sends snapshots from ``begin`` to ``close``.

    Args:
        snapshot: Gives all metrics; may wait, and is called by one thread.

    Raises:
        MissingExtraError: the extra "otel" is not installed.
        ConfigError: a variable of OpenTelemetry cannot be followed.
    """

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._interval_seconds = interval_seconds(os.environ)
        refuse_deltas(os.environ)
        self._exporter, self._sent, self._resource = _exporter()
        self._complaint = _Complaint()
        self._exporters_logger = logging.getLogger(type(self._exporter).__module__)
        self._began_ns = time.time_ns()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_well = True

    def begin(self) -> None:
        """Send from now on, first after one interval."""
        if is_disabled(os.environ):
            logger.info("OTEL_SDK_DISABLED is true: no metrics are sent over OTLP")
            return
        self._exporters_logger.addFilter(self._complaint)
        self._thread = threading.Thread(target=self._send_on, name="router-otlp", daemon=True)
        self._thread.start()
        logger.info("metrics are sent over OTLP every %g s", self._interval_seconds)

    def close(self) -> None:
        """Send once more, for ``LAST_SECONDS`` at most, and end."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(LAST_SECONDS)
            self._thread = None
        self._exporter.shutdown()
        self._exporters_logger.removeFilter(self._complaint)

    def _send_on(self) -> None:
        while not self._stopping.wait(self._interval_seconds):
            self._send()
        self._send()

    def _send(self) -> None:
        self._complaint.text = None
        try:
            data = to_metrics_data(self._snapshot(), self._resource, self._began_ns, time.time_ns())
            is_well = self._exporter.export(data) is self._sent
        except Exception as error:  # whatever it is, the next interval is another try
            self._complaint.text, is_well = repr(error), False
        if is_well != self._is_well:
            self._is_well = is_well
            if is_well:
                logger.info("metrics are sent over OTLP again")
            else:
                why = self._complaint.text or "no reason given"
                logger.warning("metrics cannot be sent over OTLP, which is tried again: %s", why)


class _Complaint(logging.Filter):
    """Keeps what the exporter first says of a failure from the log, to be told once an outage."""

    def __init__(self) -> None:
        super().__init__()
        self.text: str | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Let nothing pass but what is told when something goes well."""
        if record.levelno < logging.WARNING:
            return True
        self.text = self.text or record.getMessage()
        return False


def _exporter() -> tuple[Any, Any, Any]:
    """Return an exporter, what it returns when it has sent, and who sends."""
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics.export import MetricExportResult

        return OTLPMetricExporter(), MetricExportResult.SUCCESS, resource()
    except ImportError as error:
        raise MissingExtraError("opentelemetry-exporter-otlp-proto-http", "otel") from error
