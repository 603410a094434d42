"""Whether an address may be served as the configuration says: open to others only when secured."""

import logging

from router.addresses import is_loopback
from router.config import Config
from router.errors import ConfigError

logger = logging.getLogger("router.server")


def check_exposure(config: Config) -> None:
    """Refuse an address that others can reach without TLS and keys, or warn when it is wanted.

    Raises:
        ConfigError: the address is not loopback, TLS or keys are missing, ``insecure`` is off.
    """
    missing = [
        name
        for name, given in (
            ("TLS (tls_certificate, tls_key)", config.tls_certificate),
            ("API keys (api_keys)", config.api_keys),
        )
        if given is None
    ]
    if not missing or is_loopback(config.address):
        return
    lacks = " and ".join(missing)
    if not config.insecure:
        raise ConfigError(
            f"address = {config.address!r}: others can reach it, and {lacks} is not configured; "
            "configure it, listen on 127.0.0.1, or say --insecure where something in front of the "
            "router does both",
            reason="CONFIG_EXPOSED",
            metadata={"address": config.address, "missing": lacks},
        )
    logger.warning(
        "INSECURE: %s is served without %s; whoever reaches it can route, read prices and record "
        "outcomes, and may read what others send",
        config.address,
        lacks,
    )
