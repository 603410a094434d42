"""``serve`` and ``health``: a server until it is told to stop, and the question how one is."""

import argparse
from pathlib import Path
from typing import Any

from router.cli.child import READY_LINE
from router.cli.connection import add_connection, client_of
from router.config import Config
from router.config_sources import load_config
from router.logs import set_up_logs

_FLAGS = (
    "address",
    "artifact",
    "catalog",
    "store",
    "reflection",
    "threads",
    "workers",
    "metrics_address",
    "audit_share",
    "exploration_share",
    "decision_log",
    "admin",
    "watch_seconds",
    "choice",
    "canary",
    "canary_share",
    "shadow",
    "shadow_share",
    "tls_certificate",
    "tls_key",
    "tls_client_ca",
    "api_keys",
    "insecure",
    "health_address",
    "artifact_public_key",
)


def add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``serve``."""
    parser = commands.add_parser(
        "serve",
        help="serve RouterService over gRPC until SIGTERM or SIGINT",
        description="Serve RouterService over gRPC. Settings: defaults, then --config, then "
        "ROUTER_* environment variables, then these flags. Prints one line when ready. SIGHUP "
        "reads artifact and catalog again.",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file of settings")
    parser.add_argument("--address", metavar="HOST:PORT", help="port 0 takes a free one")
    parser.add_argument("--artifact", metavar="DIR", help="artifact directory")
    parser.add_argument("--catalog", metavar="FILE", help="catalog of tiers and deployments")
    parser.add_argument("--store", metavar="FILE", help="SQLite file of recorded outcomes")
    parser.add_argument(
        "--reflection", action="store_true", default=None, help="turn server reflection on"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="worker threads, 1 to 256")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that share the address, 1 to 64"
    )
    parser.add_argument(
        "--metrics-address", metavar="HOST:PORT", help="HTTP endpoint for Prometheus (default none)"
    )
    parser.add_argument(
        "--audit-share",
        type=float,
        metavar="P",
        help="share of requests under a contract that are audited, such as 0.02 (default 0)",
    )
    parser.add_argument(
        "--exploration-share",
        type=float,
        metavar="P",
        help="share of requests whose tier is drawn among those the goal allows (default 0)",
    )
    parser.add_argument("--decision-log", metavar="FILE", help="JSON lines of every decision")
    parser.add_argument(
        "--admin",
        action="store_true",
        default=None,
        help="serve AdminService, on a loopback address or with API keys",
    )
    parser.add_argument(
        "--watch-seconds",
        type=float,
        metavar="S",
        help="look for a new artifact or catalog every S seconds (default: never)",
    )
    parser.add_argument(
        "--choice", metavar="FILE", help="keeps what is in force over restarts, for all workers"
    )
    for trial, share in (("canary", "of sessions, answered"), ("shadow", "of requests, compared")):
        parser.add_argument(f"--{trial}", metavar="DIR", help=f"artifact of a {trial}")
        parser.add_argument(
            f"--{trial}-share", type=float, metavar="P", help=f"share {share} by the {trial}"
        )
    _add_security(parser)
    parser.set_defaults(run=serve)


def _add_security(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("security", "see docs/security.md")
    group.add_argument("--tls-certificate", metavar="FILE", help="PEM certificate chain")
    group.add_argument("--tls-key", metavar="FILE", help="PEM private key, closed to others")
    group.add_argument(
        "--tls-client-ca", metavar="FILE", help="PEM authorities; clients must show a certificate"
    )
    group.add_argument("--api-keys", metavar="FILE", help="TOML file of keys, see 'keys new'")
    group.add_argument(
        "--insecure",
        action="store_true",
        default=None,
        help="serve an address that others can reach without TLS and keys",
    )
    group.add_argument(
        "--health-address", metavar="HOST:PORT", help="answers health only, without TLS and keys"
    )
    group.add_argument(
        "--artifact-public-key", metavar="FILE", help="PEM Ed25519 key that signed the artifact"
    )


def serve(arguments: argparse.Namespace) -> int:
    """Serve until a signal asks to stop; return 0."""
    config = config_of(arguments)
    set_up_logs(config)
    if config.workers > 1:
        from router.workers.control import Control
        from router.workers.order import Order

        file = None if arguments.config is None else str(arguments.config)
        order = Order(file, _given(arguments), config.address)
        Control(order, config, _say_ready).run()
        return 0
    from router.server.run import serve_until_stopped

    host = config.address.rpartition(":")[0]
    serve_until_stopped(config, lambda server: _say_ready(f"{host}:{server.port}"))
    return 0


def _say_ready(address: str) -> None:
    print(READY_LINE.format(address=address), flush=True)


def config_of(arguments: argparse.Namespace) -> Config:
    """Return the configuration with the flags on top.

    Raises:
        ConfigError: see ``load_config``.
    """
    return load_config(arguments.config, flags=_given(arguments))


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    flags = {name: getattr(arguments, name) for name in _FLAGS}
    return {name: value for name, value in flags.items() if value is not None}


def add_health(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``health``."""
    parser = commands.add_parser(
        "health", help="ask a server how it is; exit status 0 only when it is serving"
    )
    parser.add_argument("--address", metavar="HOST:PORT", default=Config().address)
    parser.add_argument(
        "--service", default="readiness", help='"readiness" (default), "liveness" or a service'
    )
    add_connection(parser)
    parser.set_defaults(run=health)


def health(arguments: argparse.Namespace) -> int:
    """Print the health of a server; return 0 when it is serving, else 1."""
    with client_of(arguments) as client:
        state = client.health(arguments.service)
    print(state)
    return 0 if state == "SERVING" else 1
