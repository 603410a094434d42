"""Several workers under one control process: all take what one was asked for, and keep it."""

import os
import signal
from functools import partial
from pathlib import Path

import grpc
import waiting

from bench.process import children_of
from router.cli.child import ServerProcess
from router.client import RouterClient
from router.predict.artifact import read_manifest
from router.v1 import admin_pb2 as admin
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

wait_until = partial(waiting.wait_until, seconds=40.0)


def versions(address: str) -> set[str]:
    """Return what a few connections, which fall to either worker by chance, are answered."""
    found = set()
    for _ in range(8):
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(address, options) as channel:
            request = pb.RouteRequest(prompt="Name a fruit.")
            answer = RouterServiceStub(channel).Route(request, timeout=20.0, wait_for_ready=True)
            found.add(answer.artifact_version)
    return found


def test_every_worker_takes_what_one_was_asked_for_and_so_does_the_one_that_replaces_it(
    tiny_artifact: Path, other_artifact: Path, catalog_file: Path, tmp_path: Path
):
    old, new = (read_manifest(place).version for place in (tiny_artifact, other_artifact))
    flags = [
        "--address", "127.0.0.1:0", "--artifact", str(tiny_artifact),
        "--catalog", str(catalog_file), "--store", str(tmp_path / "outcomes.sqlite3"),
        "--workers", "2", "--admin", "--choice", str(tmp_path / "choice.json"),
    ]  # fmt: skip
    with ServerProcess(flags) as server:
        assert versions(server.address) == {old}
        with RouterClient(server.address, 20.0) as client:
            client.reload(admin.ReloadRequest(artifact=str(other_artifact)))
        wait_until(lambda: versions(server.address) == {new})
        before = children_of(server.pid)
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(set(children_of(server.pid)) - set(before)) == 1)
        wait_until(lambda: versions(server.address) == {new})
