"""What a process of Linux holds, read from outside: memory and descriptors."""

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
