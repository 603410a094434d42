"""Files of API keys for tests, and how a key is sent."""

from pathlib import Path

from router.access.keys import new_key


def entry(scopes: tuple[str, ...] = ("route",), more: str = "") -> tuple[str, str]:
    """Return a key and the table of a file that admits it."""
    key = new_key()
    table = (
        f'[[keys]]\nid = "{key.id}"\nname = "team"\nsha256 = "{key.sha256}"\n'
        f"scopes = {list(scopes)}\n{more}\n"
    )
    return key.secret_text, table


def write_keys(path: Path, *tables: str) -> Path:
    path.write_text("format = 1\n" + "\n".join(tables), encoding="utf-8")
    path.chmod(0o600)
    return path


def bearer(key: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {key}"),)
