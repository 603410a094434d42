"""What a process uses, as Linux tells it; elsewhere only what the standard library knows."""

import os
import resource
import sys
from pathlib import Path

from router.metrics.families import CPU_SECONDS, OPEN_FILES, RESIDENT, START_TIME
from router.metrics.registry import Snapshot

_PROC = Path("/proc/self")


def process_snapshot(started_unix: float) -> Snapshot:
    """Return CPU time, memory and open files of this process.

    Args:
        started_unix: When it started, in seconds since 1970.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    gauges = {
        CPU_SECONDS: usage.ru_utime + usage.ru_stime,
        RESIDENT: _resident_bytes(usage.ru_maxrss),
        START_TIME: started_unix,
    }
    if (descriptors := _PROC / "fd").is_dir():
        gauges[OPEN_FILES] = len(os.listdir(descriptors))  # noqa: PTH208 - names are enough
    return {family.name: {(): [value]} for family, value in gauges.items()}


def _resident_bytes(peak: int) -> float:
    try:
        pages = int((_PROC / "statm").read_text().split()[1])
    except OSError:  # no Linux: the peak stands for what is resident
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
