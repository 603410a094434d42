"""The compiled kernel, if it was built, and whether it is used.

It reads texts, takes them apart into tokens and runs plain graphs; NumPy does the same, more
slowly, wherever there is no kernel. Here is only the choice between the two, made once for a
process; what each does stands in ``router.predict``.
"""

import os
from types import ModuleType

from router.errors import ConfigError

VARIABLE = "LLM_TIER_ROUTER_KERNEL"
_VERSION = 2  # of the kernel these sources hand their tables to


def _found() -> tuple[ModuleType | None, str]:
    """Return the kernel or None, and why it is so."""
    wanted = os.environ.get(VARIABLE, "auto")
    if wanted not in ("auto", "compiled", "numpy"):
        raise ConfigError(
            f"{VARIABLE}={wanted!r}: must be auto, compiled or numpy; auto takes the kernel if it "
            "was built"
        )
    if wanted == "numpy":
        return None, f"{VARIABLE} says so"
    try:
        from router.compiled import kernel
    except ImportError:
        why = "the kernel was not built"
    else:
        if kernel.VERSION == _VERSION:
            return kernel, "the kernel was built"
        why = "the kernel was built from other sources"
    if wanted == "compiled":
        raise ConfigError(
            f"{VARIABLE}=compiled: {why}; install the package again where there is a C compiler, "
            "or leave the variable out"
        )
    return None, why


KERNEL, REASON = _found()
IMPLEMENTATION = "numpy" if KERNEL is None else "compiled"
"""What reads, takes apart and predicts single prompts in this process."""
