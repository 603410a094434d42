"""A running server that may be changed, with clients on it, for the tests of swapping."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from tiny_artifact import copy_artifact

from router.config import Config
from router.server.app import RouterServer
from router.v1 import admin_pb2 as admin
from router.v1 import router_pb2 as pb
from router.v1.admin_pb2_grpc import AdminServiceStub
from router.v1.router_pb2_grpc import RouterServiceStub

HELLO = pb.RouteRequest(prompt="Name three rivers that flow into the Black Sea.")


class Client:
    """Stubs of one server, and the questions tests ask most."""

    def __init__(self, server: RouterServer, channel: grpc.Channel) -> None:
        self.server = server
        self.address = f"127.0.0.1:{server.port}"
        self.router = RouterServiceStub(channel)
        self.admin = AdminServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)

    def health(self, name: str) -> str:
        answer = self._health.Check(health_pb2.HealthCheckRequest(service=name))
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)

    def reload(self, artifact: object = "", catalog: object = "") -> admin.ReloadResponse:
        return self.admin.Reload(admin.ReloadRequest(artifact=str(artifact), catalog=str(catalog)))

    def rollback(self) -> admin.RollbackResponse:
        return self.admin.Rollback(admin.RollbackRequest())

    def status(self) -> admin.GetStatusResponse:
        return self.admin.GetStatus(admin.GetStatusRequest())

    def version(self) -> str:
        """Return the artifact version an answer states."""
        return self.router.Route(HELLO).artifact_version


def with_own_files(config: Config, artifact: Path, place: Path) -> Config:
    """Return settings of a server whose artifact and catalog a test may overwrite."""
    shutil.copyfile(config.catalog, place / "catalog.toml")
    return replace(
        config,
        artifact=copy_artifact(artifact, place / "artifact"),
        catalog=place / "catalog.toml",
        store=place / "outcomes.sqlite3",
        admin=True,
    )


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that is in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@contextmanager
def running(config: Config) -> Iterator[Client]:
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield Client(server, channel)


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Return code and reason a call was refused with."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    info = error_details_pb2.ErrorInfo()
    rpc_status.from_call(caught.value).details[0].Unpack(info)
    return caught.value.code().name, info.reason
