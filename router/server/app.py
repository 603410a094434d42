"""Start and stop of the gRPC server: load, verify, listen, serve, drain.

Nothing listens before the artifact has passed its golden rows. Health knows "liveness",
"readiness", the service's full name and the empty name; all but liveness turn NOT_SERVING when the
server is asked to stop. "promise" is NOT_SERVING while audits have found a contract broken, and the
others do not care.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from router.access.callers import Callers
from router.access.keys_file import CallerLimits
from router.catalog import load_catalog
from router.config import Config
from router.engine import build_engine
from router.errors import ConfigError
from router.ledger.store import OutcomeStore
from router.predict.artifact import load_artifact
from router.server.exposure import check_exposure
from router.server.follow_up import FollowUp
from router.server.gate import Gate
from router.server.limits import Limits
from router.server.loop import run, shared_loop
from router.server.probes import ProbePort
from router.server.service import SERVICE, CallsInFlight, service_handler
from router.server.servicer import RouterServicer
from router.server.tls import server_credentials

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
        health_port: Port that answers health only, when one is configured.
        gate: Lets calls pass by their API key; None when no keys are asked for.
        engine: Decides; for who wants to decide below gRPC as the service does.
        follow_up: What follows its decisions.

    Raises:
        CatalogError, ArtifactError, StoreError: see the loaders; nothing is listening then.
        ConfigError: the address cannot be bound or is open without leave, or a file of TLS or keys
            is refused.
    """

    def __init__(self, config: Config, handlers: Sequence[grpc.GenericRpcHandler] = ()) -> None:
        self._config = config
        check_exposure(config)
        self._credentials = server_credentials(config)
        self.gate = _gate(config)
        self.engine = build_engine(
            load_artifact(config.artifact, config.artifact_public_key), load_catalog(config.catalog)
        )
        self._store = OutcomeStore(config.store)
        self._executor = ThreadPoolExecutor(config.threads, thread_name_prefix="router")
        self._health = health.aio.HealthServicer()
        self._calls = CallsInFlight()
        self.health_port: int | None = None
        self._probes = (
            ProbePort(config.health_address, self._health) if config.health_address else None
        )
        self._stopped = threading.Event()
        self.follow_up = FollowUp(config, self.engine, self._promise_stands)
        try:
            self.port: int = run(self._start(handlers))
        except ConfigError:
            run(self._server.stop(None))
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
        self._server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", config.max_message_bytes),
                ("grpc.so_reuseport", 0),
            ),
            maximum_concurrent_rpcs=config.max_concurrent_calls,
            interceptors=() if self.gate is None else (self.gate,),
        )
        limits = Limits(max_batch=config.max_batch, max_messages=config.max_messages)
        servicer = RouterServicer(self.engine, self._store, limits, self.follow_up)
        ours = service_handler(servicer, self._executor, self._calls)
        self._server.add_generic_rpc_handlers((ours, *handlers))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if config.reflection:
            names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)
        if self._credentials is None:
            port = self._server.add_insecure_port(config.address)
        else:
            port = self._server.add_secure_port(config.address, self._credentials)
        await self._server.start()
        if self._probes is not None:
            self.health_port = await self._probes.start()
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
        await self._server.stop(self._config.grace_seconds)
        if self._probes is not None:
            await self._probes.stop()

    def _promise_stands(self, stands: bool) -> None:
        """Say in health whether contracts stand; called from the thread that found out."""
        state = health_pb2.HealthCheckResponse.SERVING if stands else _NOT_SERVING
        asyncio.run_coroutine_threadsafe(self._health.set("promise", state), shared_loop())

    def _close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        self.follow_up.close()
        self._store.close()
        self._stopped.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _gate(config: Config) -> Gate | None:
    """Return the gate of the configured keys; None without.

    Raises:
        ConfigError: the file of keys is refused, or there are limits of callers and no keys.
    """
    if config.api_keys is None:
        for key in ("caller_requests_per_second", "caller_max_in_flight"):
            if getattr(config, key) is not None:
                raise ConfigError(
                    f"{key} = {getattr(config, key)!r}: limits each API key, and api_keys is not "
                    "given; give a file of keys or leave the limit out",
                    metadata={"key": key},
                )
        return None
    limits = CallerLimits(
        config.caller_requests_per_second, config.caller_burst, config.caller_max_in_flight
    )
    return Gate(Callers(config.api_keys, limits))
