"""What both clients are made of: where they connect, with which key and deadline, and the stubs.

``client`` calls and waits, ``client_aio`` is awaited; what they ask for stands there.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import grpc
from grpc_health.v1 import health_pb2_grpc

from router.connection import Tls, metadata_of, options_of
from router.errors import ConfigError
from router.v1 import admin_pb2_grpc, router_pb2_grpc

DEFAULT_TIMEOUT_SECONDS = 5.0

Channel = TypeVar("Channel", grpc.Channel, grpc.aio.Channel)


class ClientBase(ABC, Generic[Channel]):
    """A connection with its stubs.

    Args:
        address: host:port of the server; "dns:///name:port" for every address of a name, in turns.
        timeout_seconds: Deadline of each call, > 0, with whatever is tried again in it.
        api_key: Sent with every call.
        tls: How the connection is secured; None connects without.
        default_tier: What ``decide`` falls back to.

    Every method raises ``CallError`` when the call fails; ``timeout_seconds`` of a method comes
    before that of the client.

    Raises:
        ConfigError: the deadline is none, the key or a file of TLS cannot be used.
    """

    def __init__(
        self,
        address: str,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        *,
        api_key: str | None = None,
        tls: Tls | None = None,
        default_tier: str | None = None,
    ) -> None:
        self.address = address
        self._timeout_seconds = _deadline(timeout_seconds)
        self._default_tier = default_tier
        self._metadata = metadata_of(api_key, tls, address)
        self._channel: Channel = self._connected(tls, options_of(tls))
        self._stub: Any = router_pb2_grpc.RouterServiceStub(self._channel)
        self._admin: Any = admin_pb2_grpc.AdminServiceStub(self._channel)
        self._health: Any = health_pb2_grpc.HealthStub(self._channel)

    @abstractmethod
    def _connected(self, tls: Tls | None, options: list[tuple[str, Any]]) -> Channel:
        """Return a channel to ``address``, secured if ``tls`` is given."""

    def _seconds(self, timeout_seconds: float | None) -> float:
        """Return the deadline of one call: its own, or else the client's.

        Raises:
            ConfigError: it is none, and every call would fail or never end.
        """
        return self._timeout_seconds if timeout_seconds is None else _deadline(timeout_seconds)


def _deadline(seconds: float) -> float:
    if not 0.0 < seconds < math.inf:
        raise ConfigError(
            f"timeout_seconds = {seconds!r}: must be a finite number of seconds above 0",
            metadata={"key": "timeout_seconds"},
        )
    return seconds
