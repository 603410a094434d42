"""TLS of the server: credentials from the configured files, checked, and read again on change.

A renewed certificate is used from the next handshake on; files that no longer fit each other leave
the old one in use and are reported in the log. Which ciphers and versions is gRPC's choice (TLS 1.2
or later).
"""

import logging
import os
import ssl
import stat
from pathlib import Path
from typing import NoReturn

import grpc

from router.access.watched import WatchedFiles
from router.config import Config
from router.errors import ConfigError

logger = logging.getLogger("router.server")


def server_credentials(config: Config) -> grpc.ServerCredentials | None:
    """Return what the port is secured with; None when no certificate is configured.

    Raises:
        ConfigError: half of certificate and key is given, a file is missing, not PEM, or the two
            do not belong together, the key is encrypted or readable by others.
    """
    if config.tls_certificate is None and config.tls_key is None:
        if config.tls_client_ca is not None:
            _refuse("tls_client_ca", config.tls_client_ca, "needs tls_certificate and tls_key, too")
        return None
    if config.tls_certificate is None or config.tls_key is None:
        key, other = ("tls_key", "tls_certificate")
        if config.tls_key is None:
            key, other = other, key
        _refuse(key, getattr(config, key), f"needs {other}, too")
    files = _Files(config.tls_certificate, config.tls_key, config.tls_client_ca)
    return grpc.dynamic_ssl_server_credentials(
        files.read(),
        files.read_again,  # type: ignore[arg-type]  # None is allowed and means "no change"
        config.tls_client_ca is not None,
    )


class _Files:
    """Certificate, key and the authorities of clients."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._watched = WatchedFiles(certificate, key, *([client_ca] if client_ca else []))

    def read(self) -> grpc.ServerCertificateConfiguration:
        """Check and read the files.

        Raises:
            ConfigError: see ``server_credentials``.
        """
        chain = _bytes_of("tls_certificate", self._certificate)
        key = _bytes_of("tls_key", self._key)
        check_private("tls_key", self._key)
        _check_pair(self._certificate, self._key)
        authorities = None
        if self._client_ca is not None:
            authorities = _bytes_of("tls_client_ca", self._client_ca)
            _check_authorities(self._client_ca)
        return grpc.ssl_server_certificate_configuration([(key, chain)], authorities)

    def read_again(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the changed files' content; None keeps what is in use. gRPC asks per handshake."""
        if not self._watched.changed():
            return None
        try:
            fresh = self.read()
        except (ConfigError, OSError) as error:  # a file may go away between two looks at it
            logger.error("the certificate in use stays: %s", error)
            return None
        logger.info("certificate read again from %s", self._certificate)
        return fresh


def check_private(key: str, path: Path) -> None:
    """Refuse a secret that others may read, by PostgreSQL's rule for private keys.

    A file of the server's own user must be closed to group and others. One of root, as
    orchestrators mount it, may be readable by the group.

    Args:
        key: The setting that names the file.
        path: The file.

    Raises:
        ConfigError: too many may read it, or it belongs to somebody else.
    """
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    own = found.st_uid == os.geteuid()
    if not own and found.st_uid != 0:
        _refuse(
            key, path, f"belongs to user {found.st_uid}; it must belong to the server's or root"
        )
    if mode & (0o077 if own else 0o037):
        _refuse(key, path, f"others may read or write it (mode {mode:04o}); run chmod 600 on it")


def _bytes_of(key: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        _refuse(key, path, f"not readable ({error.strerror}); give a PEM file")


def _check_pair(certificate: Path, key: Path) -> None:
    def no_password() -> str:
        _refuse("tls_key", key, "encrypted; give a key without a passphrase, closed to others")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, no_password)
    except ssl.SSLError as error:
        _refuse(
            "tls_certificate",
            certificate,
            f"not a PEM certificate with the key in tls_key ({error.reason or error}); give the "
            "pair as it was issued, the server's own certificate first",
        )


def _check_authorities(path: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except ssl.SSLError as error:
        _refuse("tls_client_ca", path, f"no PEM certificates in it ({error.reason or error})")


def _refuse(key: str, path: Path, rule: str) -> NoReturn:
    raise ConfigError(f"{key} = {str(path)!r}: {rule}", metadata={"key": key, "file": str(path)})
