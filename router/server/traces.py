"""A span of OpenTelemetry for every Route call that was answered; off by default, an extra.

A span is made after the answer, so that a call whose caller is not traced costs a look at its
metadata. Where spans go and which are kept is OpenTelemetry's configuration (OTEL_* variables).
No text of a request goes into a span.
"""

import time
from collections.abc import Mapping
from typing import Any

from router.errors import MissingExtraError
from router.metrics.resource import resource
from router.v1 import router_pb2 as pb

SPAN = "route"


class Traces:
    """Makes spans.

    Args:
        provider: Of OpenTelemetry; None makes one that exports over OTLP (HTTP).

    Raises:
        MissingExtraError: the extra "otel" is not installed.
    """

    def __init__(self, provider: Any = None) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.trace.propagation import tracecontext
        except ImportError as error:
            raise MissingExtraError("opentelemetry-sdk", "otel") from error
        self._provider = provider or _exporting()
        self._tracer = self._provider.get_tracer("llm-tier-router")
        self._propagator = tracecontext.TraceContextTextMapPropagator()
        self._kind = trace.SpanKind.SERVER

    def answered(self, metadata: Any, answer: pb.RouteResponse, seconds: float) -> None:
        """Make the span of a Route call that has just been answered.

        Args:
            metadata: Of the call: pairs of key and value; ``traceparent`` makes the span a child.
            answer: What was answered.
            seconds: How long it took.
        """
        carrier = {key: value for key, value in metadata or () if key in _CONTEXT_KEYS}
        ended = time.time_ns()
        span = self._tracer.start_span(
            SPAN,
            context=self._propagator.extract(carrier) if carrier else None,
            kind=self._kind,
            start_time=ended - int(seconds * 1e9),
        )
        if span.is_recording():
            span.set_attributes(attributes_of(answer))
        span.end(ended)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


_CONTEXT_KEYS = frozenset({"traceparent", "tracestate"})


def attributes_of(answer: pb.RouteResponse) -> Mapping[str, str | float | int]:
    """Return a decision as attributes: GenAI's names where they mean the same, else our own."""
    chosen = next(one for one in answer.candidates if one.deployment == answer.deployment)
    reason = pb.DecisionReason.Name(answer.reason).removeprefix("DECISION_REASON_")
    attributes: dict[str, str | float | int] = {
        "rpc.system.name": "grpc",
        "rpc.method": "router.v1.RouterService/Route",
        "gen_ai.request.model": answer.model,
        "llm_router.decision.id": answer.decision_id,
        "llm_router.decision.tier": answer.tier,
        "llm_router.decision.deployment": answer.deployment,
        "llm_router.decision.reason": reason,
        "llm_router.decision.adequacy": chosen.adequacy,
        "llm_router.decision.expected_cost_usd": chosen.expected_cost_usd,
        "llm_router.decision.expected_saving_usd": answer.saving_usd,
        "llm_router.artifact.version": answer.artifact_version,
        "llm_router.catalog.version": answer.catalog_version,
    }
    if answer.HasField("novelty"):
        attributes["llm_router.prompt.novelty"] = answer.novelty
    return attributes


def _exporting() -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise MissingExtraError("opentelemetry-exporter-otlp-proto-http", "otel") from error
    provider = TracerProvider(resource=resource())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
