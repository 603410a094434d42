"""Memory, descriptors and processor time of a process are what it holds and takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.process import open_descriptors, processor_seconds, resident_bytes

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux has /proc")


def test_an_open_file_and_touched_memory_are_seen() -> None:
    process, before = os.getpid(), resident_bytes(os.getpid())
    held = bytearray(os.urandom(64_000_000))
    assert resident_bytes(process) - before > 32_000_000
    assert len(held) == 64_000_000
    opened = open_descriptors(process)
    with Path("/dev/null").open("rb"):
        assert open_descriptors(process) == opened + 1


def test_the_processor_time_of_a_child_counts_while_it_runs() -> None:
    work = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
    before = processor_seconds(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        # The kernel counts in hundredths.
        assert processor_seconds(child.pid) >= 0.15
        assert processor_seconds(os.getpid()) - before >= 0.15
        child.communicate(b"\n")
    with pytest.raises(OSError, match=str(child.pid)):
        processor_seconds(child.pid)


def test_a_process_that_has_ended_is_an_error_and_not_an_empty_one() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ProcessLookupError):
            resident_bytes(ended.pid)
    with pytest.raises(OSError, match=str(ended.pid)):
        open_descriptors(ended.pid)
