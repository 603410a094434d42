"""Waiting for what comes about in another thread or process."""

import time
from collections.abc import Callable


def wait_until(is_true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return once it is true; fail when it has not become so."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, f"waited {seconds:g} seconds in vain"
        time.sleep(0.02)
