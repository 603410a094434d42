"""The store moved away again and again while clients record: is every acknowledged one found."""

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.hard.kills import RETRYABLE, Caller
from router.cli.child import ServerProcess
from router.ledger.store import OutcomeStore

_CALLERS = 4


def moves(times: int, seed: int, workers: int = 2) -> dict[str, Any]:
    """Move the store ``times`` times, with or without the log beside it, while workers write."""
    generator = random.Random(seed)  # noqa: S311 - moments, no secret
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory, "outcomes.sqlite3")
        archive = Path(directory, "archive")
        flags = ["--address", "127.0.0.1:0", "--store", str(store), "--workers", str(workers)]
        with ServerProcess(flags) as server:
            callers = [Caller(server.address, number) for number in range(_CALLERS)]
            for one in callers:
                one.start()
            for move in range(times):
                time.sleep(generator.uniform(0.2, 1.0))
                _move(store, archive / str(move), alone=generator.random() < 0.5)
                if (move + 1) % max(times // 10, 1) == 0:
                    print(f"{move + 1} moves", file=sys.stderr, flush=True)
            time.sleep(1.0)
            for one in callers:
                one.is_over.set()
            for one in callers:
                one.join()
            status = server.stop()
        files = [*sorted(archive.glob(f"*/{store.name}")), store]
        kept = {outcome.request_id for file in files for outcome in OutcomeStore(file)}
        aside = len(list(store.parent.glob("*.left-*")))
    acknowledged = set().union(*(one.acknowledged for one in callers))
    errors = sum((one.errors for one in callers), Counter[str]())
    return {
        "moves": times,
        "files": len(files),
        "logs put aside": aside,
        "calls": sum(one.calls for one in callers),
        "errors before a retry": dict(errors),
        "of these not retryable": sum(n for code, n in errors.items() if code not in RETRYABLE),
        "calls that failed after retries": sum(one.failed for one in callers),
        "outcomes acknowledged": len(acknowledged),
        "acknowledged and lost": len(acknowledged - kept),
        "exit status": status,
    }


def _move(store: Path, to: Path, *, alone: bool) -> None:
    if not store.exists():  # nobody has recorded since the last time
        return
    to.mkdir(parents=True)
    for suffix in ("",) if alone else ("", "-wal", "-shm"):
        path = store.with_name(store.name + suffix)
        if path.exists():
            path.rename(to / path.name)
