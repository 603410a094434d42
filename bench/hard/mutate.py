"""Spoilt inputs: bytes changed at random, and messages filled with values at the edges."""

import random
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 1e300, float("inf"), float("-inf"), float("nan"))
_INTEGERS = (0, 1, -1, 2, 127, 128, 2**31 - 1, -(2**31), 2**32, 2**53, 2**63 - 1, -(2**63))
_TEXTS = (
    "", " ", "a", "small", "large", "user", "\x00", "\n" * 50, "é" * 40, "🙂" * 9, "\u202e",
    "x" * 130, "word " * 300, "{}", "9" * 30, "\ufeff", "A\u0301" * 20,
)  # fmt: skip
_BYTES = (b"", b"\x00", b"\xff" * 32, bytes(32), b"x" * 70)
_MOST_DEPTH = 4
_SMALLEST_OF_TYPE = {
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
}


def spoilt(data: bytes, others: Sequence[bytes], generator: random.Random) -> bytes:
    """Return bytes with one to four changes: bits, deletions, insertions, repeats, splices."""
    content = bytearray(data)
    for _ in range(generator.randint(1, 4)):
        place = generator.randrange(len(content) + 1)
        end = min(place + generator.randint(1, 8), len(content))
        match generator.randrange(7):
            case 0 if content:
                content[place % len(content)] ^= 1 << generator.randrange(8)
            case 1:
                del content[place:end]
            case 2:
                content[place:place] = generator.randbytes(generator.randint(1, 8))
            case 3:
                content[place:place] = content[place:end] * generator.randint(1, 20)
            case 4:
                other = generator.choice(others)
                content[place:] = other[generator.randrange(len(other) + 1) :]
            case 5:
                content[place:end] = generator.choice((b"\xff" * 10, b"\x80" * 9 + b"\x01", b"\0"))
            case _:
                del content[place:]
    return bytes(content)


def filled(message: Message, generator: random.Random, depth: int = 0) -> Message:
    """Fill some fields of a message with values at the edges of what the wire can carry."""
    for field in message.DESCRIPTOR.fields:
        if generator.random() < 0.5:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            into = getattr(message, field.name)
            for _ in range(generator.choice((1, 2, 40))):
                into[generator.choice(_TEXTS)] = generator.choice(_TEXTS)
        elif field.message_type is not None:
            if depth < _MOST_DEPTH:
                _fill_message(message, field, generator, depth)
        elif field.is_repeated:
            count = generator.choice((1, 1, 2, 5, 40))
            getattr(message, field.name).extend(_value(field, generator) for _ in range(count))
        else:
            setattr(message, field.name, _value(field, generator))
    return message


def touched(message: Message, generator: random.Random) -> Message:
    """Set one field of a message, or of a message in it, to a value at the edges."""
    place = message
    while True:
        inner = [
            one
            for field, value in place.ListFields()
            if field.message_type is not None and not field.message_type.GetOptions().map_entry
            for one in (value if field.is_repeated else [value])
        ]
        if not inner or generator.random() < 0.4:
            break
        place = generator.choice(inner)
    fields = [field for field in place.DESCRIPTOR.fields if field.message_type is None]
    if fields:
        field = generator.choice(fields)
        value = _value(field, generator)
        if field.is_repeated:
            getattr(place, field.name).append(value)
        else:
            setattr(place, field.name, value)
    return message


def _fill_message(message: Message, field: Any, generator: random.Random, depth: int) -> None:
    inner = getattr(message, field.name)
    if not field.is_repeated:
        inner.SetInParent()
        filled(inner, generator, depth + 1)
        return
    for _ in range(generator.choice((1, 1, 2, 4))):
        filled(inner.add(), generator, depth + 1)


def _value(field: Any, generator: random.Random) -> Any:
    kind = field.cpp_type
    if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return generator.choice(_FLOATS)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return generator.random() < 0.5
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return generator.choice((0, 1, 2, 3, 99))
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return generator.choice(_BYTES)
        return generator.choice(_TEXTS)
    least, most = _SMALLEST_OF_TYPE[kind]
    return max(least, min(most, generator.choice(_INTEGERS)))
