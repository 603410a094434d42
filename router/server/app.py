"""Start and stop of the server: load, verify, listen, serve, drain.

Nothing listens before the artifact has passed its golden rows. What is said in health is
``health``, the ports are ``listener``, what is told as metrics ``figures``.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Self

import grpc

from router.compiled import IMPLEMENTATION, REASON
from router.config import Config
from router.engine import Engine
from router.errors import ConfigError, MissingExtraError, RouterError
from router.ledger.store import OutcomeStore
from router.ledger.writer import OutcomeWriter
from router.metrics import families
from router.metrics.outlets import Outlets
from router.metrics.registry import Snapshot
from router.server.admin import AdminServicer, admin_handler
from router.server.announcer import Announcer
from router.server.arm import Arm
from router.server.attempts import Attempt, Trigger
from router.server.counted import Counted
from router.server.exposure import check_exposure
from router.server.figures import tell_figures
from router.server.follow_up import FollowUp
from router.server.following import Following
from router.server.gate import gate_of
from router.server.health import Health
from router.server.in_flight import CallsInFlight
from router.server.learning import Learning
from router.server.limits import Limits
from router.server.listener import Listener
from router.server.loop import run, shared_loop
from router.server.service import service_handler
from router.server.servicer import RouterServicer
from router.server.stream import Streams
from router.server.threads import Threads
from router.server.tls import server_credentials
from router.server.traces import Traces
from router.server.versions import Versions
from router.server.watchman import Watchman

_MOST_WAITING_CHANGES = 8

logger = logging.getLogger("router.server")


class RouterServer:
    """A running server. Use as a context manager, or call ``stop``.

    Args:
        config: All settings.
        handlers: Further services to serve beside ours, such as a benchmark's echo; coroutines.

    Attributes:
        port: Port it listens on (the one taken, when the configuration says 0).
        gate: Lets calls pass by their API key; None when no keys are asked for.
        versions: Who is in force, and the changes of it.
        follow_up: What follows decisions.

    Raises:
        CatalogError, ArtifactError, SwapError, StoreError: see the loaders; nothing listens then.
        ConfigError: the address cannot be bound or is open without leave, or a file of TLS or keys
            is refused.
        MissingExtraError: spans or metrics are to go to OpenTelemetry, which is not installed.
    """

    def __init__(self, config: Config, handlers: Sequence[grpc.GenericRpcHandler] = ()) -> None:
        self._config = config
        check_exposure(config)
        credentials = server_credentials(config)
        self.gate = gate_of(config)
        self._store = OutcomeStore(config.store, must_open=False)
        self._counted = Counted()
        queued = partial(self._counted.registry.histogram, families.QUEUE_SECONDS)
        self._threads = Threads(config.threads, config.max_waiting_calls, queued("threads"))
        # Changes wait for one another, and must not take the threads that calls wait for.
        self._changes = Threads(1, _MOST_WAITING_CHANGES, queued("changes"))
        self._health = Health()
        registry = self._counted.registry
        self._listener = Listener(config, credentials, self.gate, self._health, registry)
        self._traces = Traces() if config.traces else None
        self._calls = CallsInFlight(self._counted, config.max_concurrent_calls, self._traces)
        self._streams = Streams()
        self._stopped = threading.Event()
        self._following = Following(config, self._health.tell, self.gate)
        self._outlets: Outlets | None = None
        self._announcer = Announcer(self._counted, self._health)
        self.follow_up = FollowUp(config, self._announcer.tell_promise)
        self._learning = Learning(config)
        waited = partial(self._counted.later, queued("disk").add)
        self._writer = OutcomeWriter(self._store, config.max_waiting_outcomes, waited)
        self._watchman = Watchman(
            registry,
            self._store,
            off_the_path=self._look_again,
            on_the_loop=self._listener.look,
            on_store=partial(self._health.tell, "outcomes"),
        )
        try:
            self.versions = Versions(
                config,
                self.follow_up,
                self._learning,
                self._announcer.swapped,
                self._health.tell,
                self._following.keep,
            )
        except RouterError:
            self._close()
            raise
        self._announcer.follow(self.versions.switch)
        self._health.tell("reload", True)
        self._following.begin(self.versions)
        self._announcer.swapped()
        try:
            if config.workers == 1:  # else the control process tells the sum
                ready = self._counted.ready
                self._outlets = Outlets(config, self.snapshot, lambda: bool(ready.value))
            self.port: int = run(self._start(handlers))
        except (ConfigError, MissingExtraError):
            run(self._listener.stop(None))
            self.versions.close()
            self._close()
            raise
        if self._outlets is not None:
            self._outlets.begin()
        self._following.watch(self.versions)
        versions = self.arm.versions
        logger.info("serving on port %d: artifact %s, catalog %s", self.port, *versions)
        logger.info("single prompts are predicted by: %s (%s)", IMPLEMENTATION, REASON)

    async def _start(self, handlers: Sequence[grpc.GenericRpcHandler]) -> int:
        port = await self._listener.start([*self._services(), *handlers])
        await self._health.begin()
        self._counted.ready.value = 1
        await self._watchman.start()
        return port

    def _services(self) -> list[grpc.GenericRpcHandler]:
        config, calls = self._config, self._calls
        servicer = RouterServicer(
            self.versions.switch,
            self._writer,
            Limits(max_batch=config.max_batch, max_messages=config.max_messages),
            self.follow_up,
            self._learning,
            self._counted,
        )
        ours = service_handler(servicer, self._threads, calls, self._streams, config.max_batch)
        if not config.admin:
            return [ours]
        return [ours, admin_handler(AdminServicer(self.versions), self._changes, calls)]

    @property
    def engine(self) -> Engine:
        """Decides now, but for what falls to a canary."""
        return self.arm.engine

    @property
    def arm(self) -> Arm:
        """The main arm; for who wants to decide below gRPC as the service does."""
        return self.versions.switch.now.main

    @property
    def health_port(self) -> int | None:
        """Port that answers health only; None if none is configured."""
        return self._listener.health_port

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
        return None if self._outlets is None else self._outlets.port

    def snapshot(self) -> Snapshot:
        """Return all metrics as they are now; not to be called on the loop."""
        return run(self._snapshot())

    async def _snapshot(self) -> Snapshot:
        self._listener.look()
        self._counted.in_flight.value = self._calls.count
        tell_figures(self._counted, self.versions, self.follow_up, self._learning, self.gate)
        return self._counted.snapshot()

    def stop(self) -> None:
        """Turn not ready, take calls for the drain delay, let them end in the grace time, close."""
        run(self._stop())
        self._following.close()
        self.versions.close()
        self._close()
        logger.info("stopped")

    async def _stop(self) -> None:
        self._counted.ready.value = 0
        await self._health.set_ready(False)
        if self._config.drain_delay_seconds:
            await asyncio.sleep(self._config.drain_delay_seconds)
        self._streams.close()
        await self._listener.stop(self._config.grace_seconds)

    def _look_again(self) -> None:
        """Take over what other processes found, and look what day it is; in a thread."""
        self._announcer.tell_prices()
        self.follow_up.look_again()
        self._learning.look_again()

    def _close(self) -> None:
        shared_loop().call_soon_threadsafe(self._watchman.stop)
        self._announcer.close()
        if self._outlets is not None:
            self._outlets.close()
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
