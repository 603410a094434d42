"""One place where errors become gRPC status, so that no servicer method catches anything."""

import logging
import math
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from router.errors import CallerLimitError, InvalidRequestError, OverloadedError, RouterError

DOMAIN = "router.v1"
_INTERNAL_TEXT = "internal error; the server's log holds the details"
# A status travels in trailers, and clients refuse trailers above 8 KiB. The text is in there up to
# three times and percent-encoded once, so these two keep any status below that.
_MAX_TEXT_BYTES = 1_000
_MAX_METADATA_BYTES = 2_000
_LONGEST_RETRY_SECONDS = 365 * 86_400.0  # a rate may be as low as one wishes, a Duration not

logger = logging.getLogger("router.server")


def to_status(error: RouterError) -> status_pb2.Status:
    """Return the google.rpc.Status of an error: ErrorInfo, and BadRequest for a bad field.

    A call that was turned away because of load, or of its caller's limits, gets RetryInfo.

    A bad field adds BadRequest, a caller's limit adds RetryInfo.
    Long texts are cut in the middle; metadata that do not fit are counted under "left_out".
    """
    details = [
        _pack(
            error_details_pb2.ErrorInfo(
                reason=error.reason, domain=DOMAIN, metadata=_fitting(error.metadata)
            )
        )
    ]
    if isinstance(error, InvalidRequestError):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=_cut(error.description)
        )
        details.append(_pack(error_details_pb2.BadRequest(field_violations=[violation])))
    if isinstance(error, (OverloadedError, CallerLimitError)):
        retry = error_details_pb2.RetryInfo()
        seconds = min(error.retry_seconds, _LONGEST_RETRY_SECONDS)
        retry.retry_delay.FromMilliseconds(max(1, math.ceil(seconds * 1e3)))
        details.append(_pack(retry))
    return status_pb2.Status(
        code=code_pb2.Code.Value(error.code), message=_cut(error.message), details=details
    )


def _cut(text: str, limit: int = _MAX_TEXT_BYTES) -> str:
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data.decode("utf-8")
    half = (limit - 5) // 2
    return f"{data[:half].decode('utf-8', 'ignore')} ... {data[-half:].decode('utf-8', 'ignore')}"


def _fitting(metadata: Mapping[str, str]) -> dict[str, str]:
    fitting: dict[str, str] = {}
    room = _MAX_METADATA_BYTES
    for key, value in metadata.items():
        cut = _cut(value, 500)
        room -= len(key.encode()) + len(cut.encode())
        if room < 0:
            break
        fitting[key] = cut
    if len(fitting) < len(metadata):
        fitting["left_out"] = str(len(metadata) - len(fitting))
    return fitting


def _pack(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


async def answer_error(error: Exception, context: Any, method: str) -> NoReturn:
    """End a call with the status of an error; anything unforeseen is INTERNAL, text fixed.

    Args:
        error: What the method raised.
        context: The call's, of an asyncio server.
        method: Name for the log.

    Raises:
        grpc.aio.AbortError: always; gRPC expects it to end the handler.
    """
    if isinstance(error, RouterError):
        status = rpc_status.to_status(to_status(error))
        await context.abort(status.code, status.details, status.trailing_metadata)
    logger.error("unforeseen error in %s: %s", method, _without_values(error))
    await context.abort(grpc.StatusCode.INTERNAL, _INTERNAL_TEXT)
    raise error  # not reached: abort raises


def _without_values(error: BaseException) -> str:
    """Return where an error came from, without its text: another library may quote a prompt."""
    parts: list[str] = []
    one: BaseException | None = error
    while one is not None:
        frames = "".join(traceback.format_tb(one.__traceback__))
        parts.append(f"{type(one).__qualname__}, Traceback without values:\n{frames}")
        one = one.__cause__ or one.__context__
    return "after ".join(parts).rstrip()
