"""Start and stop of the gRPC server: load, verify, listen, serve, drain.

Nothing listens before the artifact has passed its golden rows. Health knows "liveness",
"readiness", the service's full name and the empty name; all but liveness turn NOT_SERVING when the
server is asked to stop. "promise" is NOT_SERVING while audits have found a contract broken, "pools"
while a pool of the catalog is down or its load unknown, and the others do not care.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from router.catalog import load_catalog
from router.config import Config
from router.cost.counting import TokenCounter
from router.engine import build_engine
from router.errors import ConfigError
from router.ledger.ratios import RatioStore
from router.ledger.store import OutcomeStore
from router.predict.artifact import load_artifact
from router.server.follow_up import FollowUp
from router.server.in_flight import CallsInFlight
from router.server.limits import Limits
from router.server.listed import price_warnings
from router.server.loop import run, shared_loop
from router.server.service import SERVICE, service_handler
from router.server.servicer import RouterServicer
from router.server.stream import Streams

_READY_NAMES = ("", SERVICE, "readiness")
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

logger = logging.getLogger("router.server")


class RouterServer:
    """A running server. Use as a context manager, or call ``stop``.

    Args:
        config: All settings.
        handlers: Further services to serve beside ours, such as a benchmark's echo; coroutines.

    Attributes:
        port: Port it listens on (the one taken, when the configuration says 0).
        engine: Decides; for who wants to decide below gRPC as the service does.
        follow_up: What follows its decisions.

    Raises:
        CatalogError, ArtifactError, StoreError: see the loaders; nothing is listening then.
        ConfigError: the address cannot be bound.
    """

    def __init__(self, config: Config, handlers: Sequence[grpc.GenericRpcHandler] = ()) -> None:
        self._config = config
        engine = build_engine(load_artifact(config.artifact), load_catalog(config.catalog))
        self._store = OutcomeStore(config.store)
        self._ratios = RatioStore(config.store)
        counter = TokenCounter(engine.catalog.deployments, self._ratios.learnt)
        self.engine = replace(engine, counter=counter)
        self._executor = ThreadPoolExecutor(config.threads, thread_name_prefix="router")
        self._health = health.aio.HealthServicer()
        self._calls = CallsInFlight()
        self._streams = Streams()
        self._stopped = threading.Event()
        self.follow_up = FollowUp(config, self.engine, self._promise_stands)
        self._pools = self.engine.pools
        if self._pools is not None:
            self._pools.start(self._pools_known)
        try:
            self.port: int = run(self._start(handlers))
        except RuntimeError as error:
            self._close()
            raise ConfigError(
                f"address = {config.address!r}: cannot listen there ({error}); is another server "
                "running? Give another address, or port 0 for a free one",
                metadata={"address": config.address},
            ) from error
        for warning in price_warnings(self.engine.catalog, datetime.now(UTC).date()):
            logger.warning("%s", warning)
        logger.info(
            "serving on port %d: artifact %s, catalog %s",
            self.port,
            self.engine.artifact.version,
            self.engine.catalog.version,
        )

    async def _start(self, handlers: Sequence[grpc.GenericRpcHandler]) -> int:
        config = self._config
        self._server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", config.max_message_bytes),
                ("grpc.so_reuseport", 0),
            ),
            maximum_concurrent_rpcs=config.max_concurrent_calls,
        )
        limits = Limits(max_batch=config.max_batch, max_messages=config.max_messages)
        servicer = RouterServicer(self.engine, self._store, limits, self.follow_up, self._ratios)
        ours = service_handler(
            servicer, self._executor, self._calls, self._streams, config.max_batch
        )
        self._server.add_generic_rpc_handlers((ours, *handlers))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if config.reflection:
            names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)
        port = self._server.add_insecure_port(config.address)
        await self._server.start()
        for name in ("liveness", *_READY_NAMES):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return port

    @property
    def calls_in_flight(self) -> int:
        """Calls of RouterService being served; health checks are not counted."""
        return self._calls.count

    def wait(self) -> None:
        """Block until the server has stopped."""
        self._stopped.wait()

    def stop(self) -> None:
        """Turn not ready, let calls in flight end within the grace time, then close."""
        run(self._stop())
        self._close()
        logger.info("stopped")

    async def _stop(self) -> None:
        for name in _READY_NAMES:
            await self._health.set(name, _NOT_SERVING)
        self._streams.close()
        await self._server.stop(self._config.grace_seconds)

    def _promise_stands(self, stands: bool) -> None:
        """Say in health whether contracts stand; called from the thread that found out."""
        state = health_pb2.HealthCheckResponse.SERVING if stands else _NOT_SERVING
        asyncio.run_coroutine_threadsafe(self._health.set("promise", state), shared_loop())

    def _pools_known(self, known: bool) -> None:
        """Say in health whether every pool's load is known; called from the thread that reads."""
        state = health_pb2.HealthCheckResponse.SERVING if known else _NOT_SERVING
        asyncio.run_coroutine_threadsafe(self._health.set("pools", state), shared_loop())

    def _close(self) -> None:
        if self._pools is not None:
            self._pools.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self.follow_up.close()
        self._store.close()
        self._ratios.close()
        self._stopped.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
