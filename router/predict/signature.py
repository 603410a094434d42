"""The signature of an artifact: Ed25519 over the bytes of its manifest, in ``manifest.sig``.

The manifest holds the hash of every file, so the signature covers them all. It says who made the
artifact, not that it is the newest. The package ``cryptography`` (extra ``sign``) is needed only
where signatures are made or asked for; why this and no keyed hash in docs/decisions/0018.
"""

from pathlib import Path
from typing import Any

from router.errors import ArtifactError, ConfigError, MissingExtraError
from router.predict.files import ReadOnce

SIGNATURE_FILE = "manifest.sig"


def verify_signature(files: ReadOnce, public_key: Path) -> None:
    """Check that an artifact was signed with the private key of ``public_key``.

    Args:
        files: Of the artifact; what is verified here is what is read of them later.
        public_key: PEM file of an Ed25519 public key.

    Raises:
        MissingExtraError: ``cryptography`` is not installed.
        ConfigError: the public key cannot be used.
        ArtifactError: no signature, or not one of this manifest by this key.
    """
    invalid = _cryptography().exceptions.InvalidSignature
    key = _key("artifact_public_key", public_key, private=False)
    path = files.directory / SIGNATURE_FILE
    try:
        signature = files.bytes_of(SIGNATURE_FILE)
    except OSError as error:
        raise ArtifactError(
            f"{path}: not there, and artifact_public_key asks for signed artifacts "
            f"({error.strerror}); sign it with 'python -m router sign', or ask who made it to",
            reason="ARTIFACT_UNSIGNED",
            metadata={"file": str(path)},
        ) from error
    try:
        key.verify(signature, _manifest(files))
    except invalid as error:
        raise ArtifactError(
            f"{path}: not a signature of this manifest by the key in {public_key}: the artifact "
            "was altered, or signed with another key; nothing of it is used",
            reason="ARTIFACT_SIGNATURE",
            metadata={"file": str(path), "key": str(public_key)},
        ) from error


def sign_artifact(directory: Path, private_key: Path) -> Path:
    """Write the signature of an artifact and return its path.

    Args:
        directory: The artifact.
        private_key: PEM file of an Ed25519 private key without a passphrase.

    Raises:
        MissingExtraError, ConfigError, ArtifactError: see ``verify_signature``; the directory
            cannot be written.
    """
    key = _key("--key", private_key, private=True)
    path = directory / SIGNATURE_FILE
    content = _manifest(ReadOnce(directory))
    try:
        path.write_bytes(key.sign(content))
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def _manifest(files: ReadOnce) -> bytes:
    path = files.directory / "manifest.json"
    try:
        return files.bytes_of("manifest.json")
    except OSError as error:
        raise ArtifactError(
            f"{path}: not readable ({error.strerror}); give an artifact directory",
            reason="ARTIFACT_FILE_MISSING",
            metadata={"file": str(path)},
        ) from error


def _key(setting: str, path: Path, *, private: bool) -> Any:
    """Read an Ed25519 key."""
    modules = _cryptography()
    kind = "private" if private else "public"
    try:
        content = path.read_bytes()
        if private:
            key = modules.serialization.load_pem_private_key(content, None)
        else:
            key = modules.serialization.load_pem_public_key(content)
        if not isinstance(key, modules.private if private else modules.public):
            raise ValueError(f"a {type(key).__name__.strip('_')}")
    except (OSError, ValueError, TypeError, modules.exceptions.UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"{setting} = {str(path)!r}: no Ed25519 {kind} key in PEM ({error}); 'openssl genpkey "
            "-algorithm ed25519' makes one, 'openssl pkey -pubout' gives its public half",
            metadata={"key": setting, "file": str(path)},
        ) from error
    return key


class _Modules:
    """The parts of ``cryptography`` used here, imported when they are needed."""

    def __init__(self) -> None:
        from cryptography import exceptions
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519

        self.exceptions = exceptions
        self.serialization = serialization
        self.private = ed25519.Ed25519PrivateKey
        self.public = ed25519.Ed25519PublicKey


def _cryptography() -> _Modules:
    try:
        return _Modules()
    except ImportError as error:
        raise MissingExtraError("cryptography", "sign") from error
