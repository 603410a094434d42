"""Ids of decisions: 128 random bits in hexadecimal, from the operating system.

They are drawn some dozens at a time, since asking for them one by one takes longer than choosing.
"""

import os

_DRAWN_TOGETHER = 64
_BYTES = 16
_drawn: list[str] = []


def new_id() -> str:
    """Return the id of a new decision: 32 hexadecimal digits. Safe from several threads."""
    while True:
        try:
            return _drawn.pop()
        except IndexError:
            digits, size = os.urandom(_BYTES * _DRAWN_TOGETHER).hex(), 2 * _BYTES
            _drawn.extend(digits[at : at + size] for at in range(0, len(digits), size))


if hasattr(os, "register_at_fork"):  # two processes must not hand out the same ones
    os.register_at_fork(after_in_child=_drawn.clear)
