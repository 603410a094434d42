"""Values of the command line, checked: each function is a ``type`` of ``argparse``."""

import argparse

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def above_zero(text: str) -> float:
    """Read a finite number above 0."""
    value = float(text or "nan")
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no finite number > 0")
    return value


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value


def inner_share(text: str) -> float:
    """Read a number above 0 and below 1."""
    value = float(text)
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and below 1")
    return value


def count(text: str) -> int:
    """Read a whole number from 1 on."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number >= 1")
    return value


def range_of(text: str) -> tuple[int, int]:
    """Read two whole numbers such as ``1:4``, the second at least the first."""
    least, _, most = text.partition(":")
    if not (least.isdigit() and most.isdigit() and 1 <= int(least) <= int(most)):
        raise argparse.ArgumentTypeError(f"{text!r} must be like 1:4, the least at least 1")
    return int(least), int(most)


def duration(text: str) -> float:
    """Read a time such as ``30m``, ``6h`` or ``2d``; return it in seconds."""
    unit = _UNITS.get(text[-1:])
    if unit is None:
        raise argparse.ArgumentTypeError(f"{text!r} must be like 45s, 30m, 6h or 2d")
    return unit * above_zero(text[:-1])
