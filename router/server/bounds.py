"""A look at the bytes of a large message before it is parsed: are its counts within bounds?

Parsing is done whole and on the event loop, so its cost must be bounded by what a request may hold
and not by what fits into a message. Above all for maps: a map field whose entries come in the order
of another map's table takes time with the square of their number, minutes for 16 MiB. The look
walks over field headers only, skips what they hold, and stops at the first count too many.
"""

from collections.abc import Mapping
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor

from router.errors import InvalidRequestError
from router.server.limits import MAX_REPEATED, MAX_TAGS, Limits

# Below this many bytes even the worst message is parsed in a tenth of a second or less.
LOOK_FROM_BYTES = 1024 * 1024
_MOST_FIELDS = 65_536
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _Field(NamedTuple):
    """What is known of a field: name, the most of it, why more is refused, what to look at inside.

    The reasons are those a small message gets for the same.
    """

    name: str
    most: int
    reason: str
    inside: "Mapping[int, _Field] | None"


class _Malformed(Exception):  # noqa: N818 - told to nobody: the parser says what is wrong
    """The bytes are no message; the parser will say so."""


class Bounds:
    """The bounds of one kind of message.

    Args:
        kind: The message.
        limits: Of the configuration.
    """

    def __init__(self, kind: Descriptor, limits: Limits) -> None:
        known = {
            "RouteRequest.messages": (limits.max_messages, "TOO_MANY_MESSAGES"),
            "RouteRequest.tags": (MAX_TAGS, "TOO_MANY_TAGS"),
            "RouteBatchRequest.requests": (limits.max_batch, "BATCH_SIZE"),
        }
        self._plan = _plan_of(kind, known, {}) or {}

    def check(self, raw: bytes) -> None:
        """Refuse a large message with more of a field than a request may have.

        Raises:
            InvalidRequestError: names the field.
        """
        if len(raw) < LOOK_FROM_BYTES:
            return
        try:
            _look(raw, self._plan)
        except _Malformed:
            return


def _plan_of(
    kind: Descriptor, known: Mapping[str, tuple[int, str]], seen: dict[str, dict[int, _Field]]
) -> dict[int, _Field] | None:
    """Return what to count in a message; None where nothing inside is repeated."""
    if kind.full_name in seen:
        return seen[kind.full_name]
    plan: dict[int, _Field] = {}
    seen[kind.full_name] = plan
    for field in kind.fields:
        message = field.message_type
        inside = None if message is None else _plan_of(message, known, seen)
        if field.is_repeated:
            most, reason = known.get(f"{kind.name}.{field.name}", (MAX_REPEATED, "TOO_MANY"))
            plan[field.number] = _Field(field.name, most, reason, inside)
        elif inside is not None:
            plan[field.number] = _Field(field.name, _MOST_FIELDS, "TOO_MANY", inside)
    return plan or None


def _look(raw: bytes, plan: Mapping[int, _Field]) -> None:
    """Walk over a message, and over those inside it that hold something to count."""
    waiting = [(0, len(raw), plan)]
    left = _MOST_FIELDS
    while waiting:
        at, end, fields = waiting.pop()
        counts: dict[int, int] = {}
        while at < end:
            left -= 1
            if left < 0:
                raise _too_many("request", f"{_MOST_FIELDS} fields")
            tag, at = _varint(raw, at, end)
            start, at = _skip(raw, at, end, tag & 7)
            field = fields.get(tag >> 3)
            if field is None:
                continue
            count = counts[tag >> 3] = counts.get(tag >> 3, 0) + 1
            if count > field.most:
                raise _too_many(field.name, str(field.most), field.reason)
            if field.inside is not None and tag & 7 == _BYTES:
                waiting.append((start, at, field.inside))


def _too_many(name: str, most: str, reason: str = "TOO_MANY") -> InvalidRequestError:
    return InvalidRequestError(
        name, f"more than {most} given; send less at once", reason=reason, metadata={"limit": most}
    )


def _skip(raw: bytes, at: int, end: int, wire_type: int) -> tuple[int, int]:
    """Return where the content of a field starts and ends."""
    if wire_type == _BYTES:
        size, start = _varint(raw, at, end)
        stop = start + size
    elif wire_type == _VARINT:
        start = at
        _, stop = _varint(raw, at, end)
    elif wire_type in (_FIXED64, _FIXED32):
        start, stop = at, at + (8 if wire_type == _FIXED64 else 4)
    else:  # groups, which proto3 does not have
        raise InvalidRequestError(
            "request", "holds a group; encode it with stubs of router.proto", reason="NOT_A_MESSAGE"
        )
    if stop > end:
        raise _Malformed
    return start, stop


def _varint(raw: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number and the place after it."""
    value = shift = 0
    while at < end and shift < 70:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise _Malformed
