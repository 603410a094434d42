"""What a process of Linux holds and takes, read from outside: memory, descriptors, processor."""

import os
from pathlib import Path


def resident_bytes(process: int) -> int:
    """Return the resident memory of a process.

    Raises:
        OSError: there is no such process, or no ``/proc``.
    """
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {process} has ended: it has no memory")


def open_descriptors(process: int) -> int:
    """Return how many descriptors a process has open.

    Raises:
        OSError: as for ``resident_bytes``.
    """
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def children_of(process: int) -> list[int]:
    """Return the ids of the children that a process's main thread started and that run.

    Raises:
        OSError: as for ``resident_bytes``.
    """
    place = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in place.read_text(encoding="ascii").split()]


def processor_seconds(process: int) -> float:
    """Return the processor time of a process and of its children that run, in seconds.

    Raises:
        OSError: as for ``resident_bytes``.
    """
    text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    # The name, in brackets, may hold anything; user and system time are 14th and 15th of all.
    own = sum(map(int, text.rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")
    return own + sum(map(processor_seconds, children_of(process)))
