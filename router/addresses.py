"""Addresses as text, host:port: whether one is well formed, and who can reach it."""

import ipaddress


def is_loopback(address: str) -> bool:
    """Return whether only this machine reaches a host:port. A name other than localhost is not."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_address(text: str) -> bool:
    """Return whether a text is a host and a port from 0 to 65,535."""
    host, separator, port = text.rpartition(":")
    return bool(separator and host) and port.isdecimal() and int(port) <= 65_535
