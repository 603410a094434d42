"""A port that several processes listen on: taken by the control process before any of them."""

import socket

from router.errors import ConfigError


def reserve(address: str) -> tuple[socket.socket, str]:
    """Bind host:port without listening, so that workers can share it and nobody else can take it.

    Returns:
        The bound socket, to be kept open, and the address with the port that was taken.

    Raises:
        ConfigError: the address cannot be bound, or another server listens there.
    """
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as alone:
            # Without SO_REUSEPORT: a server that is already there must not be joined unawares.
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(where)
            taken = alone.getsockname()
        shared = socket.socket(family, kind, protocol)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind(taken)
    except OSError as error:
        raise ConfigError(
            f"address = {address!r}: cannot listen there ({error}); is another server running? "
            "Give another address, or port 0 for a free one",
            metadata={"address": address},
        ) from error
    return shared, f"{host}:{taken[1]}"
