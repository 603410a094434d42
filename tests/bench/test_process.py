"""Memory and descriptors of a process are what it holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.process import open_descriptors, resident_bytes

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux has /proc")


def test_an_open_file_and_touched_memory_are_seen() -> None:
    process, before = os.getpid(), resident_bytes(os.getpid())
    held = bytearray(os.urandom(64_000_000))
    assert resident_bytes(process) - before > 32_000_000
    assert len(held) == 64_000_000
    opened = open_descriptors(process)
    with Path("/dev/null").open("rb"):
        assert open_descriptors(process) == opened + 1


def test_a_process_that_has_ended_is_an_error_and_not_an_empty_one() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ProcessLookupError):
            resident_bytes(ended.pid)
    with pytest.raises(OSError, match=str(ended.pid)):
        open_descriptors(ended.pid)
