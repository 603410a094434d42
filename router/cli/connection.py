"""How commands connect to a server: the flags of TLS and of the API key, and the client made so."""

import argparse
from pathlib import Path

from router.client import DEFAULT_TIMEOUT_SECONDS, RouterClient, Tls
from router.errors import ConfigError


def add_connection(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Add the flags, beside ``--address``.

    Args:
        parser: Of a command.
        again: Whether the command above it has them, too; left out here, they stay as given there.
    """
    group = parser.add_argument_group("connection", "to a server with TLS or API keys")
    if again:
        group.argument_default = argparse.SUPPRESS
    group.add_argument(
        "--tls",
        action="store_true",
        default=argparse.SUPPRESS if again else False,
        help="connect with TLS",
    )
    group.add_argument("--tls-ca", type=Path, metavar="FILE", help="PEM authorities to trust")
    group.add_argument("--tls-certificate", type=Path, metavar="FILE", help="own certificate")
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key")
    group.add_argument("--tls-server-name", metavar="NAME", help="name in the server's certificate")
    group.add_argument(
        "--api-key-file",
        type=Path,
        metavar="FILE",
        help="file that holds the key; a key on the command line would be seen by others",
    )


def client_of(
    arguments: argparse.Namespace, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
) -> RouterClient:
    """Return a client of ``arguments.address`` with a deadline for each call.

    Raises:
        ConfigError: a file cannot be read.
    """
    given = (
        arguments.tls_ca, arguments.tls_certificate, arguments.tls_key, arguments.tls_server_name
    )  # fmt: skip
    tls = Tls(*given) if arguments.tls or any(given) else None
    key = None
    if arguments.api_key_file is not None:
        try:
            key = arguments.api_key_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"--api-key-file {arguments.api_key_file}: not readable ({error})"
            ) from error
    return RouterClient(arguments.address, timeout_seconds, api_key=key, tls=tls)
