"""A writer of outcomes that is killed at random moments; every acknowledged outcome must be there.

``kill -9`` ends a process and no machine: that the disk keeps what it was told to keep (fsync) is
not tested here.
"""

import os
import random
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from router.ledger.store import OutcomeStore, RecordedOutcome
from router.ledger.writer import OutcomeWriter

_THREADS = 4


def crashes(times: int, seed: int) -> dict[str, Any]:
    """Kill a writer ``times`` times and count what was acknowledged and is not there."""
    generator = random.Random(seed)  # noqa: S311 - moments, no secret
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory, "outcomes.sqlite3")
        OutcomeStore(store).close()
        acknowledged: set[str] = set()
        for crash in range(times):
            acknowledged |= _one_crash(store, crash, generator.randint(1, 60))
            if (crash + 1) % max(times // 10, 1) == 0:
                print(f"{crash + 1} crashes", file=sys.stderr, flush=True)
        kept = {outcome.request_id for outcome in OutcomeStore(store)}
    return {
        "crashes": times,
        "acknowledged": len(acknowledged),
        "acknowledged and lost": len(acknowledged - kept),
        "kept though not acknowledged": len(kept - acknowledged),
    }


def _one_crash(store: Path, crash: int, after: int) -> set[str]:
    """Kill a fresh writer when it has acknowledged ``after`` outcomes; return those it did."""
    ours, its = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _write_for_ever(store, crash, its)
    os.close(its)
    with os.fdopen(ours, "r", encoding="utf-8") as told:
        acknowledged = [told.readline().rstrip() for _ in range(after)]
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        # What it had said before it died counts, too; the last line may be torn.
        rest = told.read().split("\n")
    return set(acknowledged) | set(rest[:-1])


def _write_for_ever(store: Path, crash: int, told: int) -> None:
    writer = OutcomeWriter(OutcomeStore(store), 1024)

    def keep_writing(thread: int) -> None:
        number = 0
        while True:
            name = f"{crash}-{thread}-{number}"
            writer.put(RecordedOutcome("d", name, quality=0.5)).result()
            os.write(told, f"{name}\n".encode())
            number += 1

    for thread in range(_THREADS):
        threading.Thread(target=keep_writing, args=(thread,), daemon=True).start()
    threading.Event().wait()
