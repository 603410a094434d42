"""Bad certificates, private keys, files of API keys, and addresses that are open to others."""

from collections.abc import Callable
from pathlib import Path

from bad_inputs import BadFile
from certificates import Authority
from key_files import entry, write_keys

from router.access.callers import Callers
from router.access.keys_file import CallerLimits
from router.config import Config
from router.errors import ConfigError
from router.server.exposure import check_exposure
from router.server.tls import server_credentials

HERE = Path()
CERTIFICATE, KEY = Path("server.pem"), Path("server.key")


def tls(
    change: Callable[[Authority], object] = lambda _: None,
    *,
    certificate: Path | None = CERTIFICATE,
    key: Path | None = KEY,
    client_ca: Path | None = None,
) -> Callable[[Path], object]:
    """Take a server's good pair, after a change to its files."""

    def load(_: Path) -> object:
        authority = Authority(HERE)
        authority.issue("server")
        change(authority)
        return server_credentials(
            Config(tls_certificate=certificate, tls_key=key, tls_client_ca=client_ca)
        )

    return load


def keys(table: str, mode: int = 0o600) -> Callable[[Path], object]:
    """Read a file of keys of this content after its format."""

    def load(_: Path) -> object:
        write_keys(Path("keys.toml"), table).chmod(mode)
        return Callers(Path("keys.toml"), CallerLimits())

    return load


def edited(old: str, new: str) -> Callable[[Path], object]:
    return keys(entry()[1].replace(old, new))


def refused(
    given: str, make: Callable[[Path], object], message: str, reason: str = "CONFIG_INVALID"
) -> BadFile:
    return BadFile(given, make, ConfigError, reason, message)


SECURITY = [
    refused(
        "a certificate without its key",
        tls(key=None),
        "tls_certificate = 'server.pem': needs tls_key, too",
    ),
    refused(
        "a private key without a certificate",
        tls(certificate=None),
        "tls_key = 'server.key': needs tls_certificate, too",
    ),
    refused(
        "an authority for clients without TLS",
        tls(certificate=None, key=None, client_ca=Path("test-authority.pem")),
        "tls_client_ca = 'test-authority.pem': needs tls_certificate and tls_key, too",
    ),
    refused(
        "a private key that is not there",
        tls(key=Path("other.key")),
        "tls_key = 'other.key': not readable (No such file or directory); give a PEM file",
    ),
    refused(
        "a private key that others may read",
        tls(lambda _: KEY.chmod(0o644)),
        "tls_key = 'server.key': others may read or write it (mode 0644); run chmod 600 on it",
    ),
    refused(
        "the private key of another certificate",
        tls(lambda authority: authority.issue("other").key.replace(KEY)),
        "tls_certificate = 'server.pem': not a PEM certificate with the key in tls_key (…); give "
        "the pair as it was issued, the server's own certificate first",
    ),
    refused(
        "a certificate that is not PEM",
        tls(lambda _: CERTIFICATE.write_text("certificate", encoding="utf-8")),
        "tls_certificate = 'server.pem': not a PEM certificate with the key in tls_key (…); give "
        "the pair as it was issued, the server's own certificate first",
    ),
    refused(
        "a private key with a passphrase",
        tls(lambda authority: authority.issue("server", passphrase=b"open")),
        "tls_key = 'server.key': encrypted; give a key without a passphrase, closed to others",
    ),
    refused(
        "an authority for clients that is no certificate",
        tls(client_ca=KEY),
        "tls_client_ca = 'server.key': no PEM certificates in it (…)",
    ),
    refused(
        "an address that others can reach, without TLS and keys",
        lambda _: check_exposure(Config(address="0.0.0.0:50051")),
        "address = '0.0.0.0:50051': others can reach it, and TLS (tls_certificate, tls_key) and "
        "API keys (api_keys) is not configured; configure it, listen on 127.0.0.1, or say "
        "--insecure where something in front of the router does both",
        "CONFIG_EXPOSED",
    ),
    refused(
        "a file of API keys that is not there",
        lambda _: Callers(Path("keys.toml"), CallerLimits()),
        "keys.toml: not readable as a TOML file of API keys: [Errno 2] No such file or directory: "
        "'keys.toml'; make one with 'python -m router keys new'",
    ),
    refused(
        "a file of API keys that others may write",
        keys(entry()[1], 0o666),
        "keys.toml: others may write it (mode 0666), and so let themselves in; run chmod go-w on "
        "it",
    ),
    refused(
        "a scope that is not known",
        edited("['route']", "['routes']"),
        "keys.toml: keys[0].scopes = ['routes']: must be one or more of ['route', 'record', "
        "'admin']",
    ),
    refused(
        "an API key where its hash belongs",
        keys('[[keys]]\nid = "a"\nname = "a"\nscopes = ["route"]\nsha256 = "rk_12345678_abc"'),
        "keys.toml: keys[0].sha256 = '…': must be the 64 hex digits 'keys new' gave, not a key",
    ),
    refused(
        "two API keys of one id",
        lambda _: keys((table := entry()[1]) + table)(_),
        "keys.toml: keys[1].id = '…': used twice; must be unique",
    ),
    refused(
        "an API key's last day in quotes",
        keys(entry(more='expires = "2027-01-01"')[1]),
        "keys.toml: keys[0].expires = '2027-01-01': must be a date such as 2027-06-30, without "
        "quotes",
    ),
    refused(
        "an API key without any calls in flight",
        keys(entry(more="max_in_flight = 0")[1]),
        "keys.toml: keys[0].max_in_flight = 0: must be a whole number from 1 to 1000000",
    ),
]
