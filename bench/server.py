"""The server under measurement: RouterService and an empty echo in one process.

The echo is the floor: the same asyncio server on the same loop, with nothing to do. A variant of
both on a pool of threads is here for docs/decisions/0003 only.
"""

import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Literal, Self

import grpc
from google.protobuf import empty_pb2

from router.config import Config
from router.ledger.store import OutcomeStore
from router.ledger.writer import OutcomeWriter
from router.server.app import RouterServer
from router.server.follow_up import FollowUp
from router.server.learning import Learning
from router.server.limits import Limits
from router.server.service import SERVICE
from router.server.servicer import RouterServicer
from router.server.versions import Versions
from router.v1 import router_pb2 as pb

ECHO_SERVICE = "bench.v1.Echo"
ECHO_METHOD = f"/{ECHO_SERVICE}/Echo"
Kind = Literal["threads", "asyncio"]


def _echo(request: empty_pb2.Empty, context: Any) -> empty_pb2.Empty:
    return request


async def _echo_on_loop(request: empty_pb2.Empty, context: Any) -> empty_pb2.Empty:
    return request


def echo_handler(behaviour: Any = _echo_on_loop) -> grpc.GenericRpcHandler:
    """Return the handler of the echo."""
    method = grpc.unary_unary_rpc_method_handler(
        behaviour,
        request_deserializer=empty_pb2.Empty.FromString,
        response_serializer=empty_pb2.Empty.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(ECHO_SERVICE, {"Echo": method})


def _serve_asyncio(config: Config, pipe: Connection) -> None:
    with RouterServer(config, handlers=[echo_handler()]) as server:
        pipe.send(server.port)
        pipe.recv()
        pipe.send(_peak_resident_bytes())


def _serve_threads(config: Config, pipe: Connection) -> None:
    follow_up = FollowUp(config, lambda: None)
    learning = Learning(config)
    versions = Versions(config, follow_up, learning, lambda: None, lambda _name, _is_well: None)
    outcomes = OutcomeWriter(OutcomeStore(config.store), config.max_waiting_outcomes)
    servicer = RouterServicer(versions.switch, outcomes, Limits(), follow_up, learning)
    route: Any = grpc.unary_unary_rpc_method_handler(
        lambda request, _: servicer.route(request),
        request_deserializer=pb.RouteRequest.FromString,
    )
    server = grpc.server(ThreadPoolExecutor(config.threads))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Route": route}), echo_handler(_echo))
    )
    pipe.send(server.add_insecure_port(config.address))
    server.start()
    pipe.recv()
    pipe.send(_peak_resident_bytes())
    server.stop(None).wait()


def _peak_resident_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@dataclass(slots=True)
class MeasuredServer:
    """The server in a process of its own. Use as a context manager."""

    address: str
    peak_resident_bytes: int
    _process: SpawnProcess
    _pipe: Connection

    @classmethod
    def start(cls, config: Config, kind: Kind) -> Self:
        """Start it and wait until it listens."""
        context = get_context("spawn")
        ours, its = context.Pipe()
        target = _serve_threads if kind == "threads" else _serve_asyncio
        process = context.Process(target=target, args=(replace(config), its))
        process.start()
        its.close()
        return cls(f"127.0.0.1:{ours.recv()}", 0, process, ours)

    def stop(self) -> int:
        """Stop it and return the most bytes of memory that were resident."""
        if self._process.is_alive():
            self._pipe.send("stop")
            self.peak_resident_bytes = self._pipe.recv()
        self._process.join()
        return self.peak_resident_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.is_alive():
            self.stop()
