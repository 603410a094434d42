"""Start and stop of the gRPC server: load, verify, listen, serve, drain.

Nothing listens before the artifact has passed its golden rows. Health knows "liveness",
"readiness", the service's full name and the empty name; all but liveness turn NOT_SERVING when the
server is asked to stop. "promise" is NOT_SERVING while audits have found a contract broken, and the
others do not care.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from router.catalog import load_catalog
from router.config import Config
from router.engine import build_engine
from router.errors import ConfigError
from router.ledger.store import OutcomeStore
from router.predict.artifact import load_artifact
from router.server.follow_up import FollowUp
from router.server.interceptors import ErrorInterceptor
from router.server.limits import Limits
from router.server.servicer import RouterServicer
from router.v1 import router_pb2, router_pb2_grpc

SERVICE = router_pb2.DESCRIPTOR.services_by_name["RouterService"].full_name
_READY_NAMES = ("", SERVICE, "readiness")

logger = logging.getLogger("router.server")


class RouterServer:
    """A running server. Use as a context manager, or call ``stop``.

    Args:
        config: All settings.
        handlers: Further services to serve beside ours, such as a benchmark's echo.

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
        self._store = OutcomeStore(config.store)
        self._health = health.HealthServicer()
        self.follow_up = FollowUp(config, self.engine, self._promise_stands)
        self._server = grpc.server(
            ThreadPoolExecutor(config.threads, thread_name_prefix="router"),
            interceptors=[ErrorInterceptor()],
            options=(
                ("grpc.max_receive_message_length", config.max_message_bytes),
                ("grpc.so_reuseport", 0),
            ),
            maximum_concurrent_rpcs=config.max_concurrent_calls,
        )
        limits = Limits(max_batch=config.max_batch, max_messages=config.max_messages)
        router_pb2_grpc.add_RouterServiceServicer_to_server(
            RouterServicer(self.engine, self._store, limits, self.follow_up), self._server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.add_generic_rpc_handlers(handlers)
        if config.reflection:
            names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)
        try:
            self.port: int = self._server.add_insecure_port(config.address)
        except RuntimeError as error:
            self._close()
            raise ConfigError(
                f"address = {config.address!r}: cannot listen there ({error}); is another server "
                "running? Give another address, or port 0 for a free one",
                metadata={"address": config.address},
            ) from error
        self._server.start()
        self._health.set("liveness", health_pb2.HealthCheckResponse.SERVING)
        for name in _READY_NAMES:
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        logger.info(
            "serving on port %d: artifact %s, catalog %s",
            self.port,
            self.engine.artifact.version,
            self.engine.catalog.version,
        )

    def wait(self) -> None:
        """Block until the server has stopped."""
        self._server.wait_for_termination()

    def stop(self) -> None:
        """Turn not ready, let calls in flight end within the grace time, then close."""
        for name in _READY_NAMES:
            self._health.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
        self._server.stop(self._config.grace_seconds).wait()
        self._close()
        logger.info("stopped")

    def _promise_stands(self, stands: bool) -> None:
        status = health_pb2.HealthCheckResponse
        self._health.set("promise", status.SERVING if stands else status.NOT_SERVING)

    def _close(self) -> None:
        self.follow_up.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
