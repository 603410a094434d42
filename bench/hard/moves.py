"""The store moved away again and again while clients record: is every acknowledged one found."""

import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.hard.callers import ended, seen_by, started
from router.cli.child import ServerProcess
from router.ledger.store import OutcomeStore


def moves(times: int, seed: int, workers: int = 2) -> dict[str, Any]:
    """Move the store ``times`` times, with or without the log beside it, while workers write."""
    generator = random.Random(seed)  # noqa: S311 - moments, no secret
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory, "outcomes.sqlite3")
        archive = Path(directory, "archive")
        flags = ["--address", "127.0.0.1:0", "--store", str(store), "--workers", str(workers)]
        with ServerProcess(flags) as server:
            callers = started(server.address)
            for move in range(times):
                time.sleep(generator.uniform(0.2, 1.0))
                _move(store, archive / str(move), alone=generator.random() < 0.5)
                if (move + 1) % max(times // 10, 1) == 0:
                    print(f"{move + 1} moves", file=sys.stderr, flush=True)
            time.sleep(1.0)
            ended(callers)
            status = server.stop()
        files = [*sorted(archive.glob(f"*/{store.name}")), store]
        kept = {outcome.request_id for file in files for outcome in OutcomeStore(file)}
        aside = len(list(store.parent.glob("*.left-*")))
    return {
        "moves": times,
        "files": len(files),
        "logs put aside": aside,
        **seen_by(callers, kept),
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
