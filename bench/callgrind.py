"""Instructions of stretches of a Python program, counted by callgrind.

A program marks where a stretch begins and where it ends; what lies before, between and after is
not counted, so one run of valgrind, whose start is dear, counts many stretches.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.programs import find_program
from router.errors import NotReadyError

_ROOT = Path(__file__).resolve().parent.parent
_TOTAL = re.compile(r"^summary: (\d+)", re.MULTILINE)


def mark() -> None:
    """Begin or end a stretch; outside callgrind nothing happens."""
    os.getsid(0)  # nothing else calls it, and callgrind writes its counts whenever it is entered


def find_valgrind() -> str:
    """Return the path of valgrind.

    Raises:
        NotReadyError: it is not installed.
    """
    return find_program(
        "valgrind",
        "install it (apt install valgrind), or run 'python -m bench', which measures time and "
        "needs nothing",
    )


def count(arguments: Sequence[str]) -> list[int]:
    """Run Python under callgrind and return the instructions of each stretch, in order.

    Args:
        arguments: Of the interpreter, such as ``-m`` and a module that calls ``mark``.

    Raises:
        NotReadyError: valgrind is missing or failed, or a stretch has no end.
    """
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "out")
        done = subprocess.run(  # noqa: S603 - a fixed program, arguments are ours
            [
                find_valgrind(), "--tool=callgrind", f"--callgrind-out-file={out}",
                "--dump-before=getsid", sys.executable, *arguments,
            ],
            capture_output=True, text=True, check=False, cwd=_ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        parts = sorted(Path(place).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        totals = [_TOTAL.search(path.read_text(encoding="utf-8")) for path in parts]
    # The first part is what lay before the first mark, the second the first stretch, and so on.
    counted = [int(found[1]) for found in totals[1::2] if found is not None]
    if done.returncode != 0 or not counted or len(parts) != 2 * len(counted):
        raise NotReadyError(f"valgrind ended with {done.returncode}: {done.stderr[-500:]}")
    return counted
