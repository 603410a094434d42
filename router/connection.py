"""How a client connects: TLS, the API key, which calls are tried again, several servers.

Trying again is left to gRPC, which does it inside the call's deadline; here is only its setting.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from router.errors import ConfigError

# gRFC A6: only calls that end UNAVAILABLE, or CANCELLED by another than the caller, which is how
# gRPC's core turns calls away; up to three times more, waiting 0.05, 0.1 and 0.2 s, give or take
# gRPC's jitter of 20 %, never beyond the deadline. While most calls fail, nothing is tried again,
# so that a router which comes back, or has too many calls already, is not met by a flood. Calls go
# in turns to all addresses of a name.
SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{"service": "router.v1.RouterService"}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
    }
)
_RECONNECT = (
    # Connections of one client are its own: it does not wait for another's next try to connect.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)

logger = logging.getLogger("router.client")


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS of a client.

    Attributes:
        ca: PEM file of the authorities that may have signed the server's certificate; None takes
            those that gRPC brings.
        certificate: PEM file of the client's own certificate, where the server asks for one.
        key: PEM file of its private key.
        server_name: Name in the server's certificate, where it is not the host of the address.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Return what a channel is secured with.

        Raises:
            ConfigError: a file cannot be read, or half of certificate and key is given.
        """
        if (self.certificate is None) != (self.key is None):
            raise ConfigError("a client's certificate and its key are given together or not at all")
        return grpc.ssl_channel_credentials(
            _content(self.ca), _content(self.key), _content(self.certificate)
        )


def options_of(tls: Tls | None) -> list[tuple[str, Any]]:
    """Return the options of a channel."""
    options: list[tuple[str, Any]] = [("grpc.service_config", SERVICE_CONFIG), *_RECONNECT]
    if tls is not None and tls.server_name is not None:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return options


def metadata_of(api_key: str | None, tls: Tls | None, address: str) -> list[tuple[str, str]]:
    """Return what every call carries: the API key, if there is one.

    Raises:
        ConfigError: the key cannot stand in a header.
    """
    if api_key is None:
        return []
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise ConfigError("the API key is empty, or holds what no key holds, such as a line end")
    if tls is None and not address.startswith(("127.", "localhost:", "[::1]:")):
        logger.warning(
            "the API key goes to %s without TLS: whoever is between can take it", address
        )
    return [("authorization", f"Bearer {api_key}")]


def _content(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: not readable ({error.strerror}); give a PEM file") from error
