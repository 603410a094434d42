"""Spans of OpenTelemetry: one for each answered Route call, a child of the caller's."""

import builtins
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from router.config import Config
from router.errors import MissingExtraError
from router.server.app import RouterServer
from router.server.traces import Traces
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

sdk = pytest.importorskip("opentelemetry.sdk.trace")
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HELLO = pb.RouteRequest(prompt="a most peculiar zanzibar")


@pytest.fixture
def exporter() -> Any:
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    return memory.InMemorySpanExporter()


@pytest.fixture
def stub(server_config: Config, tmp_path: Path, exporter: Any) -> Iterator[RouterServiceStub]:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with (
        RouterServer(replace(server_config, store=tmp_path / "outcomes.sqlite3")) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        server._calls.traces = Traces(provider)
        yield RouterServiceStub(channel)


def test_an_answered_call_is_a_span_below_the_callers(
    stub: RouterServiceStub, exporter: Any
) -> None:
    answer = stub.Route(HELLO, metadata=[("traceparent", f"00-{TRACE}-{PARENT}-01")])
    (span,) = exporter.get_finished_spans()
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert 0 < span.end_time - span.start_time < 5e9
    assert span.attributes["llm_router.decision.id"] == answer.decision_id
    assert span.attributes["llm_router.decision.tier"] == answer.tier
    assert span.attributes["gen_ai.request.model"] == answer.model
    assert "zanzibar" not in str(dict(span.attributes))


def test_a_caller_that_is_not_traced_gets_a_span_of_its_own_and_one_not_sampled_none(
    stub: RouterServiceStub, exporter: Any
) -> None:
    stub.Route(HELLO)
    stub.Route(HELLO, metadata=[("traceparent", f"00-{TRACE}-{PARENT}-00")])
    stub.ListTiers(pb.ListTiersRequest())
    with pytest.raises(grpc.RpcError):
        stub.Route(pb.RouteRequest())
    (span,) = exporter.get_finished_spans()
    assert span.parent is None


@pytest.mark.parametrize("setting", ["traces", "otlp_metrics"])
def test_without_the_extra_a_server_says_what_to_install(
    server_config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str
) -> None:
    real: Callable[..., Any] = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    config = replace(server_config, store=tmp_path / "outcomes.sqlite3", **{setting: True})
    with pytest.raises(MissingExtraError, match=r'pip install "llm-tier-router\[otel\]"'):
        RouterServer(config)
