"""Programs that a benchmark needs and no package of Python brings."""

import shutil

from router.errors import NotReadyError


def find_program(name: str, remedy: str) -> str:
    """Return the path of a program.

    Args:
        name: Of the program.
        remedy: How to install it, and what runs without it.

    Raises:
        NotReadyError: it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise NotReadyError(f"{name} is not on PATH: {remedy}")
    return path
