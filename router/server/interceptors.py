"""One place where errors become gRPC status, so that no servicer method catches anything."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from router.errors import InvalidRequestError, RouterError

DOMAIN = "router.v1"
_INTERNAL_TEXT = "internal error; the server's log holds the details"
# A status travels in trailers, and clients refuse trailers above 8 KiB. The text is in there up to
# three times and percent-encoded once, so these two keep any status below that.
_MAX_TEXT_BYTES = 1_000
_MAX_METADATA_BYTES = 2_000

logger = logging.getLogger("router.server")


def to_status(error: RouterError) -> status_pb2.Status:
    """Return the google.rpc.Status of an error: one ErrorInfo, and BadRequest for a bad field.

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


class ErrorInterceptor(grpc.ServerInterceptor):
    """Turns errors of unary handlers into status; anything unforeseen is INTERNAL, text fixed."""

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: Any
    ) -> Any:
        """Wrap the handler of a unary call; leave others as they are."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        behaviour = handler.unary_unary

        def guarded(request: Any, context: Any) -> Any:
            try:
                return behaviour(request, context)
            except RouterError as error:
                context.abort_with_status(rpc_status.to_status(to_status(error)))
            except Exception:
                if context.code() is not None:  # context.abort was called by the handler itself
                    raise
                logger.exception("unforeseen error in %s", handler_call_details.method)
                context.abort(grpc.StatusCode.INTERNAL, _INTERNAL_TEXT)

        return grpc.unary_unary_rpc_method_handler(
            guarded,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
