"""API keys: made, and recognised. Only a hash of a key is ever stored.

A key is ``rk_ID_SECRET``: eight hex digits that name it in files and logs, and 256 random bits. The
entry is found by the public id, and the hash of what was shown is compared with the stored one in
constant time, so that the time a refusal takes tells nothing of a hash. SHA-256 without salt or
stretching is right here, and would be wrong for passwords: slow hashes make guessing dear where
secrets are guessable, and nobody guesses 256 random bits at any speed.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

_PREFIX = "rk_"
_ID_HEX = 8
_SECRET_AT = len(_PREFIX) + _ID_HEX + 1


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. ``secret_text`` is shown once and stored nowhere."""

    id: str
    secret_text: str
    sha256: str


def new_key() -> NewKey:
    """Make a key of 256 random bits."""
    identifier = secrets.token_hex(_ID_HEX // 2)
    text = f"{_PREFIX}{identifier}_{secrets.token_urlsafe(32)}"
    return NewKey(identifier, text, hashlib.sha256(text.encode()).hexdigest())


def id_of(shown: str) -> str | None:
    """Return the id in what a caller has shown; None when it is no key of ours."""
    if not shown.startswith(_PREFIX) or shown[_SECRET_AT - 1 : _SECRET_AT] != "_":
        return None
    return shown[len(_PREFIX) : _SECRET_AT - 1]


def is_key_of(shown: str, sha256: bytes) -> bool:
    """Return whether ``shown`` is the key with this hash (32 bytes), in constant time."""
    return hmac.compare_digest(hashlib.sha256(shown.encode("utf-8", "replace")).digest(), sha256)
