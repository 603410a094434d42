"""Start and stop of the gRPC server: load, verify, listen, serve, drain.

Nothing listens before the artifact has passed its golden rows. Health knows "liveness",
"readiness", the service's full name and the empty name; all but liveness turn NOT_SERVING when the
server is asked to stop. "promise" is NOT_SERVING while audits have found a contract broken, and
"outcomes" while the store takes none; the others do not care.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from router.catalog import load_catalog
from router.config import Config
from router.engine import build_engine
from router.errors import ConfigError
from router.ledger.store import OutcomeStore
from router.ledger.writer import OutcomeWriter
from router.metrics import families
from router.metrics.endpoint import MetricsEndpoint
from router.metrics.registry import Snapshot
from router.metrics.text import to_text
from router.predict.artifact import load_artifact
from router.server.backlog import OPTION as BACKLOG_OPTION
from router.server.backlog import Backlog, CallsTaken, WatchedHealth, server_ids, through_handlers
from router.server.counted import Counted
from router.server.follow_up import FollowUp
from router.server.limits import Limits
from router.server.loop import run, shared_loop
from router.server.service import SERVICE, CallsInFlight, service_handler
from router.server.servicer import RouterServicer
from router.server.threads import Threads
from router.server.traces import Traces
from router.server.watchman import Watchman

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
        self.engine = build_engine(load_artifact(config.artifact), load_catalog(config.catalog))
        self._store = OutcomeStore(config.store, must_open=False)
        self._counted = Counted()
        self._counted.serving(self.engine)
        self._disk_queue = self._counted.registry.histogram(families.QUEUE_SECONDS, "disk")
        waits = self._counted.registry.histogram(families.QUEUE_SECONDS, "threads")
        self._threads = Threads(config.threads, config.max_waiting_calls, waits)
        self._health = WatchedHealth()
        self._traces = Traces() if config.traces else None
        self._calls = CallsInFlight(self._counted, config.max_concurrent_calls, self._traces)
        self._stopped = threading.Event()
        self.follow_up = FollowUp(config, self.engine, self._promise_stands)
        self._writer = OutcomeWriter(self._store, config.max_waiting_outcomes, self._waited)
        self._watchman = Watchman(
            self._counted.registry,
            self._store,
            off_the_path=self.follow_up.audits.look_again,
            on_the_loop=self._look,
            on_store=self._takes,
        )
        self._endpoint: MetricsEndpoint | None = None
        try:
            if config.metrics_address and config.workers == 1:
                self._endpoint = MetricsEndpoint(
                    config.metrics_address, lambda: to_text(self.snapshot()), self._is_ready
                )
            self.port: int = run(self._start(handlers))
        except ConfigError:
            self._close()
            raise
        except RuntimeError as error:
            self._close()
            raise ConfigError(
                f"address = {config.address!r}: cannot listen there ({error}); is another server "
                "running? Give another address, or port 0 for a free one",
                metadata={"address": config.address},
            ) from error
        logger.info(
            "serving on port %d: artifact %s, catalog %s",
            self.port,
            self.engine.artifact.version,
            self.engine.catalog.version,
        )

    async def _start(self, handlers: Sequence[grpc.GenericRpcHandler]) -> int:
        config = self._config
        known = server_ids()
        self._server = grpc.aio.server(
            options=(
                BACKLOG_OPTION,
                ("grpc.max_receive_message_length", config.max_message_bytes),
                ("grpc.so_reuseport", int(config.workers > 1)),
                # What gRPC itself keeps waiting for us; see docs/operations.md.
                ("grpc.server.max_pending_requests", config.max_waiting_calls),
                ("grpc.server.max_pending_requests_hard_limit", config.max_waiting_calls),
            ),
        )
        taken, (server_id,) = CallsTaken(), server_ids() - known
        self._backlog = Backlog(server_id, taken, config.max_waiting_calls, self._counted.registry)
        limits = Limits(max_batch=config.max_batch, max_messages=config.max_messages)
        servicer = RouterServicer(self.engine, self._writer, limits, self.follow_up, self._counted)
        ours = service_handler(servicer, self._threads, self._calls)
        self._server.add_generic_rpc_handlers((taken, ours, *handlers))
        through = through_handlers(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, through)
        if config.reflection:
            names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, through)
        port = self._server.add_insecure_port(config.address)
        await self._server.start()
        for name in ("liveness", *_READY_NAMES):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._counted.ready.value = 1
        await self._watchman.start()
        return port

    @property
    def calls_in_flight(self) -> int:
        """Calls of RouterService being served; health checks are not counted."""
        return self._calls.count

    def wait(self) -> None:
        """Block until the server has stopped."""
        self._stopped.wait()

    @property
    def metrics_port(self) -> int | None:
        """Port of the metrics endpoint; None if this process has none."""
        return None if self._endpoint is None else self._endpoint.port

    def snapshot(self) -> Snapshot:
        """Return all metrics as they are now; not to be called on the loop."""
        return run(self._snapshot())

    async def _snapshot(self) -> Snapshot:
        self._look()
        counted, audits = self._counted, self.follow_up.audits
        counted.in_flight.value = self._calls.count
        registry = counted.registry
        registry.cell(families.AUDITS, "missed").value = audits.missed
        registry.cell(families.SUSPENDED).value = len(self.engine.suspensions)
        registry.cell(families.LOG_DROPPED).value = self.follow_up.dropped
        return counted.snapshot()

    def _is_ready(self) -> bool:
        return bool(self._counted.ready.value)

    def stop(self) -> None:
        """Turn not ready, take calls for the drain delay, let them end in the grace time, close."""
        run(self._stop())
        self._close()
        logger.info("stopped")

    async def _stop(self) -> None:
        self._counted.ready.value = 0
        for name in _READY_NAMES:
            await self._health.set(name, _NOT_SERVING)
        if self._config.drain_delay_seconds:
            await asyncio.sleep(self._config.drain_delay_seconds)
        await self._server.stop(self._config.grace_seconds)

    def _look(self) -> None:
        self._backlog.look(self._health.watching)

    async def _takes(self, outcomes: bool) -> None:
        """Say in health whether outcomes can be recorded."""
        state = health_pb2.HealthCheckResponse.SERVING if outcomes else _NOT_SERVING
        await self._health.set("outcomes", state)

    def _waited(self, seconds: float) -> None:
        """Count how long an outcome waited for the disk; called from the writer's thread."""
        self._counted.later(self._disk_queue.add, seconds)

    def _promise_stands(self, stands: bool) -> None:
        """Say in health whether contracts stand; called from the thread that found out."""
        state = health_pb2.HealthCheckResponse.SERVING if stands else _NOT_SERVING
        asyncio.run_coroutine_threadsafe(self._health.set("promise", state), shared_loop())

    def _close(self) -> None:
        shared_loop().call_soon_threadsafe(self._watchman.stop)
        if self._endpoint is not None:
            self._endpoint.close()
        self._threads.close()
        self._writer.close()
        self.follow_up.close()
        self._store.close()
        if self._traces is not None:
            self._traces.close()
        self._stopped.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
