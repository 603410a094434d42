"""gRPC's server: its options, the services on it, the ports it listens on.

What the services do stands with each; when to listen and when to stop is ``app``.
"""

from collections.abc import Sequence

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from router.config import Config
from router.errors import ConfigError
from router.metrics.registry import Registry
from router.server.admin import ADMIN_SERVICE
from router.server.backlog import OPTION as BACKLOG_OPTION
from router.server.backlog import Backlog, CallsTaken, server_ids, through_handlers
from router.server.gate import Gate
from router.server.health import Health
from router.server.probes import ProbePort
from router.server.service import SERVICE


class Listener:
    """The main port and the one for probes. All methods belong to the loop's thread.

    Args:
        config: All settings.
        credentials: Of TLS; None serves without.
        gate: Lets calls pass by their key; None lets all pass.
        health: Served on both ports.
        registry: Where waiting and refused calls are told.

    Attributes:
        health_port: Port that answers health only, once it listens and if one is configured.
    """

    def __init__(
        self,
        config: Config,
        credentials: grpc.ServerCredentials | None,
        gate: Gate | None,
        health: Health,
        registry: Registry,
    ) -> None:
        self._config = config
        self._credentials = credentials
        self._gate = gate
        self._health = health
        self._registry = registry
        self._probes = ProbePort(config, health) if config.health_address else None
        self._server: grpc.aio.Server | None = None
        self._backlog: Backlog | None = None
        self.health_port: int | None = None

    async def start(self, handlers: Sequence[grpc.GenericRpcHandler]) -> int:
        """Listen, with these services and those of gRPC itself; return the main port.

        Raises:
            ConfigError: the address cannot be bound, or that of the probes.
        """
        config = self._config
        known = server_ids()
        self._server = server = grpc.aio.server(
            options=(
                BACKLOG_OPTION,
                ("grpc.max_receive_message_length", config.max_message_bytes),
                ("grpc.so_reuseport", int(config.workers > 1)),
                # What gRPC itself keeps waiting for us; see docs/operations.md.
                ("grpc.server.max_pending_requests", config.max_waiting_calls),
                ("grpc.server.max_pending_requests_hard_limit", config.max_waiting_calls),
            ),
            interceptors=() if self._gate is None else (self._gate,),
        )
        taken, (server_id,) = CallsTaken(), server_ids() - known
        self._backlog = Backlog(server_id, taken, config.max_waiting_calls, self._registry)
        server.add_generic_rpc_handlers((taken, *handlers))
        through = through_handlers(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, through)
        if config.reflection:
            names = [SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME]
            if config.admin:
                names.append(ADMIN_SERVICE)
            reflection.enable_server_reflection(names, through)
        port = self._bind(server)
        await server.start()
        if self._probes is not None:
            self.health_port = await self._probes.start()
        return port

    def _bind(self, server: grpc.aio.Server) -> int:
        address = self._config.address
        try:
            if self._credentials is None:
                return server.add_insecure_port(address)
            return server.add_secure_port(address, self._credentials)
        except RuntimeError as error:
            raise ConfigError(
                f"address = {address!r}: cannot listen there ({error}); is another server "
                "running? Give another address, or port 0 for a free one",
                metadata={"address": address},
            ) from error

    def look(self) -> None:
        """Bring the numbers of waiting and refused calls up to date."""
        if self._backlog is not None:
            self._backlog.look(self._health.watching)

    async def stop(self, grace_seconds: float | None) -> None:
        """Take no calls, give those in flight the grace time, then answer probes no more."""
        if self._server is not None:
            await self._server.stop(grace_seconds)
        if self._probes is not None and self.health_port is not None:
            await self._probes.stop()
