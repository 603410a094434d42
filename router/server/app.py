"""Start and stop of the gRPC server: load, verify, listen, serve, drain.

Nothing listens before the artifact has passed its golden rows. Health knows "liveness",
"readiness", the service's full name and the empty name; all but liveness turn NOT_SERVING when the
server is asked to stop. "promise" is NOT_SERVING while audits have found a contract broken,
"outcomes" while the store takes none, "reload" while the latest reload was refused, and "pools"
while a pool of the catalog is down or its load unknown; the others do not care.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from router.catalog import Catalog
from router.config import Config
from router.engine import Engine
from router.errors import ConfigError, RouterError
from router.ledger.store import OutcomeStore
from router.ledger.writer import OutcomeWriter
from router.metrics import families
from router.metrics.endpoint import MetricsEndpoint
from router.metrics.registry import Snapshot
from router.metrics.text import to_text
from router.server.admin import ADMIN_SERVICE, AdminServicer, admin_handler
from router.server.arm import Arm
from router.server.attempts import Attempt, Trigger
from router.server.backlog import OPTION as BACKLOG_OPTION
from router.server.backlog import Backlog, CallsTaken, WatchedHealth, server_ids, through_handlers
from router.server.counted import Counted
from router.server.exposure import check_exposure
from router.server.follow_up import FollowUp
from router.server.following import Following
from router.server.gate import gate_of
from router.server.in_flight import CallsInFlight
from router.server.learning import Learning
from router.server.limits import Limits
from router.server.listed import price_warnings
from router.server.loop import run, shared_loop
from router.server.pool_watch import PoolWatch
from router.server.probes import ProbePort
from router.server.rollout_metrics import tell_rollout
from router.server.service import SERVICE, service_handler
from router.server.servicer import RouterServicer
from router.server.stream import Streams
from router.server.threads import Threads
from router.server.tls import server_credentials
from router.server.traces import Traces
from router.server.versions import Versions
from router.server.watchman import Watchman

_READY_NAMES = ("", SERVICE, "readiness")
_MOST_WAITING_CHANGES = 8
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

logger = logging.getLogger("router.server")


class RouterServer:
    """A running server. Use as a context manager, or call ``stop``.

    Args:
        config: All settings.
        handlers: Further services to serve beside ours, such as a benchmark's echo; coroutines.

    Attributes:
        port: Port it listens on (the one taken, when the configuration says 0).
        health_port: Port that answers health only, when one is configured.
        gate: Lets calls pass by their API key; None when no keys are asked for.
        versions: Who is in force, and the changes of it.
        follow_up: What follows decisions.

    Raises:
        CatalogError, ArtifactError, SwapError, StoreError: see the loaders; nothing is listening
            then.
        ConfigError: the address cannot be bound or is open without leave, or a file of TLS or keys
            is refused.
    """

    def __init__(self, config: Config, handlers: Sequence[grpc.GenericRpcHandler] = ()) -> None:
        self._config = config
        check_exposure(config)
        self._credentials = server_credentials(config)
        self.gate = gate_of(config)
        self._store = OutcomeStore(config.store, must_open=False)
        self._counted = Counted()
        queued = partial(self._counted.registry.histogram, families.QUEUE_SECONDS)
        self._disk_queue = queued("disk")
        self._threads = Threads(config.threads, config.max_waiting_calls, queued("threads"))
        # Changes wait for one another, and must not take the threads that calls wait for.
        self._changes = Threads(1, _MOST_WAITING_CHANGES, queued("changes"))
        self._health = WatchedHealth()
        self.health_port: int | None = None
        self._probes = ProbePort(config, self._health) if config.health_address else None
        self._traces = Traces() if config.traces else None
        self._calls = CallsInFlight(self._counted, config.max_concurrent_calls, self._traces)
        self._streams = Streams()
        self._stopped = threading.Event()
        self._telling = threading.Lock()
        self._following = Following(config, self._tell)
        self._endpoint: MetricsEndpoint | None = None
        self._arms: Callable[[], Sequence[Arm]] = tuple  # none yet
        self.follow_up = FollowUp(config, self._tell_promise)
        self._learning = Learning(config)
        self._catalog: Catalog | None = None  # whose prices were looked at
        self._pools = PoolWatch(partial(self._tell, "pools"))
        self._writer = OutcomeWriter(self._store, config.max_waiting_outcomes, self._waited)
        self._watchman = Watchman(
            self._counted.registry,
            self._store,
            off_the_path=self._look_again,
            on_the_loop=self._look,
            on_store=partial(self._tell, "outcomes"),
        )
        try:
            self.versions = Versions(
                config,
                self.follow_up,
                self._learning,
                self._swapped,
                self._tell,
                self._following.keep,
            )
        except RouterError:
            self._close()
            raise
        self._arms = lambda: self.versions.switch.now.arms
        self._tell("reload", True)
        self._following.begin(self.versions)
        self._swapped()
        try:
            if config.metrics_address and config.workers == 1:
                self._endpoint = MetricsEndpoint(
                    config.metrics_address, lambda: to_text(self.snapshot()), self._is_ready
                )
            self.port: int = run(self._start(handlers))
        except ConfigError:
            run(self._server.stop(None))
            self.versions.close()
            self._close()
            raise
        except RuntimeError as error:
            self.versions.close()
            self._close()
            raise ConfigError(
                f"address = {config.address!r}: cannot listen there ({error}); is another server "
                "running? Give another address, or port 0 for a free one",
                metadata={"address": config.address},
            ) from error
        self._following.watch(self.versions)
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
            interceptors=() if self.gate is None else (self.gate,),
        )
        taken, (server_id,) = CallsTaken(), server_ids() - known
        self._backlog = Backlog(server_id, taken, config.max_waiting_calls, self._counted.registry)
        limits = Limits(max_batch=config.max_batch, max_messages=config.max_messages)
        servicer = RouterServicer(
            self.versions.switch,
            self._writer,
            limits,
            self.follow_up,
            self._learning,
            self._counted,
        )
        ours = service_handler(
            servicer, self._threads, self._calls, self._streams, config.max_batch
        )
        self._server.add_generic_rpc_handlers((taken, ours, *handlers))
        through = through_handlers(self._server)
        names = [SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME]
        if config.admin:
            admin = admin_handler(AdminServicer(self.versions), self._changes, self._calls)
            self._server.add_generic_rpc_handlers((admin,))
            names.append(ADMIN_SERVICE)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, through)
        if config.reflection:
            reflection.enable_server_reflection(names, through)
        if self._credentials is None:
            port = self._server.add_insecure_port(config.address)
        else:
            port = self._server.add_secure_port(config.address, self._credentials)
        await self._server.start()
        if self._probes is not None:
            self.health_port = await self._probes.start()
        for name in ("liveness", *_READY_NAMES):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._counted.ready.value = 1
        await self._watchman.start()
        return port

    @property
    def engine(self) -> Engine:
        """Decides now, but for what falls to a canary."""
        return self.arm.engine

    @property
    def arm(self) -> Arm:
        """The main arm; for who wants to decide below gRPC as the service does."""
        return self.versions.switch.now.main

    @property
    def calls_in_flight(self) -> int:
        """Calls of RouterService being served; health checks are not counted."""
        return self._calls.count

    def reload(
        self, trigger: Trigger, artifact: Path | None = None, catalog: Path | None = None
    ) -> Attempt:
        """Swap in what is read; see ``Versions.reload``. Blocks, and waits for other changes."""
        return self.versions.reload(trigger, artifact, catalog)

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
        counted = self._counted
        counted.in_flight.value = self._calls.count
        registry = counted.registry
        registry.cell(families.AUDITS, "missed").value = self.follow_up.missed.count
        registry.cell(families.SUSPENDED).value = sum(
            len(audits.suspensions) for audits in {arm.audits for arm in self._arms()}
        )
        registry.cell(families.LOG_DROPPED).value = self.follow_up.dropped
        tell_rollout(registry, self.versions)
        if self.gate is not None:
            for code_and_reason, count in self.gate.refused.items():
                registry.cell(families.ERRORS, *code_and_reason).value = count
        return counted.snapshot()

    def _is_ready(self) -> bool:
        return bool(self._counted.ready.value)

    def stop(self) -> None:
        """Turn not ready, take calls for the drain delay, let them end in the grace time, close."""
        run(self._stop())
        self._following.close()
        self.versions.close()
        self._close()
        logger.info("stopped")

    async def _stop(self) -> None:
        self._counted.ready.value = 0
        for name in _READY_NAMES:
            await self._health.set(name, _NOT_SERVING)
        if self._config.drain_delay_seconds:
            await asyncio.sleep(self._config.drain_delay_seconds)
        self._streams.close()
        await self._server.stop(self._config.grace_seconds)
        if self._probes is not None:
            await self._probes.stop()

    def _look_again(self) -> None:
        """Take over what other processes found; in a thread."""
        self.follow_up.look_again()
        self._learning.look_again()

    def _look(self) -> None:
        self._backlog.look(self._health.watching)

    def _waited(self, seconds: float) -> None:
        """Count how long an outcome waited for the disk; called from the writer's thread."""
        self._counted.later(self._disk_queue.add, seconds)

    def _swapped(self) -> None:
        """Say who is in force now; from any thread."""
        arms = self._arms()
        self._counted.later(self._counted.serving, arms)
        self._pools.follow([arm.engine for arm in arms])
        self._tell_promise()
        catalog = arms[0].engine.catalog
        if catalog is not self._catalog:
            self._catalog = catalog
            for warning in price_warnings(catalog, datetime.now(UTC).date()):
                logger.warning("%s", warning)

    def _tell_promise(self) -> None:
        """Say in health whether every contract of those who answer stands; from any thread."""
        with self._telling:  # what was looked up last must be said last
            self._tell("promise", all(arm.audits.stands for arm in self._arms()))

    def _tell(self, name: str, is_well: bool) -> None:
        """Say in health how a part is; from any thread."""
        state = health_pb2.HealthCheckResponse.SERVING if is_well else _NOT_SERVING
        asyncio.run_coroutine_threadsafe(self._health.set(name, state), shared_loop())

    def _close(self) -> None:
        shared_loop().call_soon_threadsafe(self._watchman.stop)
        self._pools.close()
        if self._endpoint is not None:
            self._endpoint.close()
        self._threads.close()
        self._changes.close()
        self._writer.close()
        self.follow_up.close()
        self._store.close()
        self._learning.close()
        if self._traces is not None:
            self._traces.close()
        self._stopped.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
