"""One GET of a metrics page, with a limit on its whole time and size.

Asyncio and nothing else: serving has no HTTP client among its dependencies, and those of the
standard library have a time-out per read only, which a server that drips bytes outlasts.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from router.errors import RouterError

MOST_BYTES = 8 * 1024 * 1024
_MOST_LINE = 64 * 1024


class FetchError(RouterError):
    """A page did not come; the message says why.

    Attributes:
        refused: Nobody listens at the address.
        status: HTTP status, or None where there was none.
    """

    code = "UNAVAILABLE"
    default_reason = "LOAD_UNAVAILABLE"

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        refused: bool = False,
        status: int | None = None,
    ) -> None:
        super().__init__(message, metadata=metadata)
        self.refused = refused
        self.status = status


async def fetch(url: str, timeout_s: float) -> bytes:
    """Return the body of a page.

    Args:
        url: http or https.
        timeout_s: For all of it, from the connection to the last byte.

    Raises:
        FetchError: nobody listens, it took too long, or what came is no page of status 200.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _fetch(url)
    except TimeoutError as error:
        raise FetchError(f"no whole answer within {timeout_s:g} s") from error
    except ConnectionRefusedError as error:
        raise FetchError("nobody listens there", refused=True) from error
    except asyncio.IncompleteReadError as error:
        raise FetchError("the answer ended before it was whole") from error
    except (OSError, ValueError, asyncio.LimitOverrunError) as error:
        raise FetchError(f"no HTTP answer ({error})") from error


async def _fetch(url: str) -> bytes:
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    reader, writer = await asyncio.open_connection(
        parts.hostname, port, ssl=is_tls or None, limit=_MOST_LINE
    )
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: text/plain\r\n"
            "Accept-Encoding: identity\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        return await _answer(reader)
    finally:
        writer.transport.abort()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
        raise ValueError(f"it begins with {first[:60]!r}")
    status = int(words[1])
    if status != 200:
        raise FetchError(f"HTTP status {status}, not 200", status=status)
    headers = {
        key.strip().lower(): value.strip()
        for key, _, value in (line.partition(":") for line in lines)
    }
    if headers.get("content-encoding", "identity") != "identity":
        raise ValueError(
            f"it is encoded as {headers['content-encoding']!r}, which was not asked for"
        )
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _chunks(reader)
    if "content-length" in headers:
        return await reader.readexactly(_fitting(int(headers["content-length"])))
    body = await reader.read(MOST_BYTES + 1)
    while piece := await reader.read(MOST_BYTES + 1):
        body += piece
        _fitting(len(body))
    return body


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(_fitting(len(body) + size) - len(body))
        await reader.readexactly(2)
    return body


def _fitting(size: int) -> int:
    if not 0 <= size <= MOST_BYTES:
        raise ValueError(f"{size} bytes, at most {MOST_BYTES} are read")
    return size
