"""Results of a batch, put together from answers that are written in bytes already.

Parsing an answer only to have it written again as a part of a batch would take longer than the
decision. The format is that of protobuf: a field's key, the length of what it holds, and that.
"""

from collections.abc import Iterable

from router.errors import RouterError
from router.server.status import to_status
from router.v1 import router_pb2 as pb

_SIZED = 2  # wire type of what has a length before it


def _key(number: int) -> bytes:
    return _varint(number << 3 | _SIZED)


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


_RESPONSE = _key(pb.RouteBatchResult.RESPONSE_FIELD_NUMBER)
_RESULTS = _key(pb.RouteBatchResponse.RESULTS_FIELD_NUMBER)


def result_in_bytes(answer: bytes) -> bytes:
    """Return the ``RouteBatchResult`` of a ``RouteResponse``."""
    return _RESPONSE + _varint(len(answer)) + answer


def failed_in_bytes(error: RouterError) -> bytes:
    """Return the ``RouteBatchResult`` of what failed."""
    return pb.RouteBatchResult(error=to_status(error)).SerializeToString()


def results_in_bytes(results: Iterable[bytes]) -> bytes:
    """Return the ``RouteBatchResponse`` of results in their order."""
    return b"".join(part for one in results for part in (_RESULTS, _varint(len(one)), one))
