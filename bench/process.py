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


def processor_seconds(process: int) -> float:
    """Return the processor time of a process and of its children that run, in seconds.

    Raises:
        OSError: as for ``resident_bytes``.
    """
    place = Path(f"/proc/{process}")
    # The name, in brackets, may hold anything; user and system time are 14th and 15th of all.
    fields = Path(place, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    own = sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")
    children = Path(place, "task", str(process), "children").read_text(encoding="ascii")
    return own + sum(processor_seconds(int(child)) for child in children.split())
