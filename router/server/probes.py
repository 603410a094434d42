"""A second port that answers health and nothing else, for probes that know neither TLS nor keys."""

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from router.config import Config
from router.errors import ConfigError


class ProbePort:
    """Health on an address of its own, from the same state as the main port's."""

    def __init__(self, config: Config, servicer: health.aio.HealthServicer) -> None:
        self._address = config.health_address
        self._is_shared = config.workers > 1
        self._servicer = servicer

    async def start(self) -> int:
        """Listen; return the port.

        Raises:
            ConfigError: the address cannot be bound.
        """
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", int(self._is_shared)),))
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, self._server)
        try:
            port = self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise ConfigError(
                f"health_address = {self._address!r}: cannot listen there ({error}); give another "
                "address, or port 0 for a free one",
                metadata={"address": self._address},
            ) from error
        await self._server.start()
        return port

    async def stop(self) -> None:
        """Close at once; call it last, so that probes see the draining."""
        await self._server.stop(None)
