"""``batch status``, ``times`` and ``answers``: what a store of jobs tells; nothing is changed."""

import argparse
import json
import time
from contextlib import closing
from datetime import UTC, datetime

from router.batch.formats import whole
from router.batch.store import JobStore
from router.batch.times import lines_of_completion
from router.cli.table import lines_of_table
from router.errors import StoreError

_STATES = ("waiting", "filed", "sync", "done", "failed", "late", "overdue")


def existing_store(arguments: argparse.Namespace) -> JobStore:
    """Return the store that a command line names.

    Raises:
        StoreError: there is none.
    """
    if not arguments.store.is_file():  # opening would create it
        raise StoreError(
            f"{arguments.store}: there is no such store of jobs; give the one that jobs were added "
            "to",
            metadata={"file": str(arguments.store)},
        )
    return JobStore(arguments.store)


def status(arguments: argparse.Namespace) -> int:
    """Print how many jobs are in which state, and files that are under way; return 0."""
    with closing(existing_store(arguments)) as store:
        counts = store.counts(time.time())
        files = store.files("writing", "ready", "sent")
    names = sorted({name for name, _ in counts})
    rows = [(name, *(f"{counts.get((name, one), 0):,}" for one in _STATES)) for name in names]
    print("\n".join(lines_of_table(("deployment", *_STATES), rows, right=range(1, 8))))
    if files:
        print()
        listed = [(file.name, file.state, file.batch_id or "") for file in files]
        print("\n".join(lines_of_table(("file", "state", "batch"), listed)))
    return 0


def times(arguments: argparse.Namespace) -> int:
    """Print the completion times observed; return 0."""
    with closing(existing_store(arguments)) as store:
        waits = store.waits(time.time())
    today = datetime.now(UTC).date()
    print("\n".join(lines_of_completion(waits, arguments.store.name, today)))
    return 0


def answers(arguments: argparse.Namespace) -> int:
    """Print what came of the jobs that have ended; return 0."""
    with closing(existing_store(arguments)) as store:
        for job in store.ended():
            line = {"custom_id": job.custom_id, "deployment": job.deployment, "late": job.is_late}
            if job.answer is not None:
                line["answer"] = json.loads(job.answer)
            else:
                line["error"] = job.error or ""
            print(whole(json.dumps(line, ensure_ascii=False)))
    return 0
