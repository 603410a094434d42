"""Stages of a decision, told to whoever times one as they end. By default nobody listens."""

from collections.abc import Callable

Lap = Callable[[str], None]
"""Called with the name of a stage when that stage is over."""


def no_lap(_: str) -> None:
    """Take no notice."""
