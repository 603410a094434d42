"""Every error of the project has a gRPC status that fits into what a client accepts."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status

from router.config import Config
from router.errors import (
    ArtifactError,
    CallerLimitError,
    ConfigError,
    InvalidRequestError,
    OverloadedError,
    RouterError,
    StoreError,
)
from router.server.app import RouterServer
from router.server.status import to_status
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub


def all_classes(base: type[RouterError] = RouterError) -> Iterator[type[RouterError]]:
    yield base
    for subclass in base.__subclasses__():
        yield from all_classes(subclass)


def one_of(kind: type[RouterError], text: str) -> RouterError:
    """Make an error of a class, whatever its constructor takes."""
    if kind.__name__ == "InvalidRequestError":
        return InvalidRequestError("field", text, reason="WRONG")
    if kind.__name__ == "MissingExtraError":
        return kind("torch", "encoder")
    return kind(text, metadata={"given": text})


def ours() -> list[type[RouterError]]:
    """Importing the server above has defined every error that can reach a caller."""
    return [kind for kind in all_classes() if kind.__module__.startswith("router.")]


@pytest.mark.parametrize("kind", ours(), ids=lambda kind: kind.__name__)
def test_every_error_class_maps_to_a_code_with_a_reason(kind: type[RouterError]) -> None:
    assert grpc.StatusCode[kind.code]
    status = to_status(one_of(kind, "something was given"))
    assert status.code == code_pb2.Code.Value(kind.code) != code_pb2.OK
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "router.v1"
    assert info.reason == info.reason.upper().replace(" ", "_") != ""
    adds = kind in {InvalidRequestError, CallerLimitError, OverloadedError}
    assert len(status.details) == (2 if adds else 1)


@pytest.mark.parametrize("text", ["x" * 100_000, "🙂" * 30_000, "\udfff" * 9_000, "ü\n" * 9_000])
@pytest.mark.parametrize("kind", ours(), ids=lambda kind: kind.__name__)
def test_a_status_of_any_text_fits_into_eight_kibibytes_of_trailers(
    kind: type[RouterError], text: str
) -> None:
    status = to_status(one_of(kind, text))
    assert len(quote(status.message)) + len(status.SerializeToString()) * 4 / 3 < 8_000


def test_metadata_that_do_not_fit_are_counted() -> None:
    error = RouterError("many", metadata={f"deployment-{n:03}": "TOOLS" for n in range(300)})
    info = error_details_pb2.ErrorInfo()
    assert to_status(error).details[0].Unpack(info)
    metadata = dict(info.metadata)
    left_out = int(metadata.pop("left_out"))
    assert len(metadata) + left_out == 300
    assert len(metadata) > 50


def test_with_hundreds_of_deployments_a_refusal_still_reaches_the_caller(
    server_config: Config, catalog_file: Path, tmp_path: Path
) -> None:
    text = catalog_file.read_text(encoding="utf-8")
    head, *deployments = text.split("[[deployments]]")
    many = [
        f"[[deployments]]{deployments[0].replace('self-hosted', f'number-{n}', 1)}"
        for n in range(300)
    ]
    catalog = tmp_path / "catalog.toml"
    rest = [f"[[deployments]]{item}" for item in deployments[1:]]
    catalog.write_text("".join([head, *many, *rest]), encoding="utf-8")
    config = replace(server_config, catalog=catalog, store=tmp_path / "store.sqlite3")
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = RouterServiceStub(channel)
        nobody = pb.RouteRequest(prompt="Why?", needs=pb.Needs(residency=["mars"]))
        with pytest.raises(grpc.RpcError) as caught:
            stub.Route(nobody)
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert caught.value.details().endswith("relax the needs, the tier lists or max_cost_usd")
        assert rpc_status.from_call(caught.value) is not None
        (result,) = stub.RouteBatch(pb.RouteBatchRequest(requests=[nobody])).results
        assert result.error.message == caught.value.details()


def test_an_unforeseen_error_tells_the_caller_nothing_of_the_inside(
    server_config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(server_config, store=tmp_path / "store.sqlite3")
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        # A lock that is none: nothing in the server expects this to go wrong.
        server._store._database.lock = "secret"
        with pytest.raises(grpc.RpcError) as caught:
            RouterServiceStub(channel).RecordOutcome(
                pb.RecordOutcomeRequest(decision_id="d", request_id="r")
            )
        server._store._database.lock = threading.Lock()
    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert caught.value.details() == "internal error; the server's log holds the details"
    assert "unforeseen error in RouterServicer.record_outcome" in caplog.text
    assert "Traceback" in caplog.text


def test_an_address_in_use_is_refused_by_name_and_leaves_nothing_open(
    server: RouterServer, server_config: Config, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{server.port}"
    store = tmp_path / "store.sqlite3"
    with pytest.raises(ConfigError, match=f"address = '{address}': cannot listen there") as caught:
        RouterServer(replace(server_config, address=address, store=store))
    assert caught.value.metadata == {"address": address}
    assert not store.with_name("store.sqlite3-wal").exists()


def test_a_server_with_a_bad_artifact_or_store_never_listens(
    server_config: Config, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match="there is no such artifact directory"):
        RouterServer(replace(server_config, artifact=tmp_path / "none"))
    with pytest.raises(StoreError, match="cannot be used as an outcome store"):
        RouterServer(replace(server_config, store=tmp_path / "none" / "store.sqlite3"))
