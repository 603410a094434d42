"""``batch``: deferred jobs into providers' batch files, and their results back.

Nobody is called: whoever runs these commands sends the files and asks at once what is due.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from router.batch.collect import collect, tidy
from router.batch.formats import body_of, read_results, whole
from router.batch.jobs import read_jobs
from router.batch.outbox import Outbox
from router.batch.store import JobStore
from router.catalog import load_catalog
from router.cli.batch_told import answers, existing_store, status, times
from router.defaults import default_catalog_path
from router.errors import BatchError

_MOST_FAILURES = 1_000
_MOST_SECONDS = 366 * 24 * 3600.0
_MOVED = "where files are now, if they are not where collect wrote them"

Command = Callable[[argparse.Namespace], int]


def add_batch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``batch`` with its commands."""
    parser = commands.add_parser("batch", help="deferred jobs into batch files, and results back")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        one.add_argument(
            "--store", type=Path, metavar="FILE", default=Path("router-jobs.sqlite3"),
            help="SQLite file of the jobs (default: %(default)s)",
        )  # fmt: skip
        one.set_defaults(run=run)
        return one

    one = action("add", add, "keep the jobs of a file, all or none; the same job twice is one")
    one.add_argument("file", type=Path, metavar="FILE", help="JSON lines: docs/deferred.md")
    one.add_argument("--catalog", type=Path, metavar="FILE", default=default_catalog_path())
    one.add_argument(
        "--most-failures", type=_count, metavar="N", default=3, help="give up then (default: 3)"
    )
    one = action("collect", collect_files, "write files of all waiting jobs; print their paths")
    one.add_argument("--out", type=Path, metavar="DIR", default=Path(), help="where files go")
    one.add_argument("--catalog", type=Path, metavar="FILE", default=default_catalog_path())
    one = action("sent", sent, "note that a file was sent, and the provider's id of the batch")
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument("batch_id", type=_name, metavar="BATCH_ID")
    one = action("failed", failed, "note that a file failed as a whole; its jobs are tried again")
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument("reason", metavar="REASON")
    one.add_argument("--out", type=Path, metavar="DIR", help=_MOVED)
    one = action("results", results, "record results of a batch, or of jobs that were due")
    one.add_argument("file", type=Path, metavar="FILE", help="as the provider has it")
    one.add_argument(
        "batch_id", nargs="?", type=_name, metavar="BATCH_ID", help="left out: asked at once"
    )
    one.add_argument("--last", action="store_true", help="jobs without a result have failed")
    one.add_argument("--out", type=Path, metavar="DIR", help=_MOVED)
    one = action("due", due, "hand over, as JSON lines, the jobs that must be asked at once")
    one.add_argument(
        "--within", type=_seconds, metavar="SECONDS", default=0.0,
        help="and those due so soon: the time until this is run next",
    )  # fmt: skip
    one.add_argument(
        "--again-after", type=_seconds, metavar="SECONDS", default=600.0,
        help="hand over again what has had no result for so long (default: 600)",
    )  # fmt: skip
    action("status", status, "count jobs and list files that are under way")
    action("times", times, "print how long answers took, as completion times for the catalog")
    action("answers", answers, "print what came of the jobs that have ended, as JSON lines")
    one = action("forget", forget, "delete the answers that a file of 'answers' holds")
    one.add_argument("file", type=Path, metavar="FILE")


def _name(text: str) -> str:
    if not text.strip():  # a shell variable that was never set
        raise argparse.ArgumentTypeError("nothing given, must be the provider's id of the batch")
    return text


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _MOST_FAILURES:
        raise argparse.ArgumentTypeError(f"{text} given, must be from 1 to {_MOST_FAILURES}")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.0 <= seconds <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} given, must be from 0 to {_MOST_SECONDS:.0f}")
    return seconds


def add(arguments: argparse.Namespace) -> int:
    """Keep the jobs of a file; return 0."""
    jobs = read_jobs(arguments.file, load_catalog(arguments.catalog))
    with closing(JobStore(arguments.store)) as store:
        _tell(store.add(jobs, arguments.most_failures, time.time()))
    return 0


def collect_files(arguments: argparse.Namespace) -> int:
    """Write files of all waiting jobs and print their paths; return 0."""
    deployments = load_catalog(arguments.catalog).deployments
    limits = {item.id: item.batch_file for item in deployments if item.batch_file}
    outbox = Outbox(arguments.out)
    with closing(existing_store(arguments)) as store:
        for path in collect(store, outbox, limits, time.time()):
            print(path, flush=True)
    return 0


def sent(arguments: argparse.Namespace) -> int:
    """Note that a file was sent; return 0."""
    with closing(existing_store(arguments)) as store:
        store.sent(arguments.file.name, arguments.batch_id)
    return 0


def failed(arguments: argparse.Namespace) -> int:
    """Note that a file failed as a whole; return 0."""
    outbox = _outbox_of(arguments)
    with closing(existing_store(arguments)) as store:
        _tell(store.failed(arguments.file.name, arguments.reason, time.time()))
        tidy(store, outbox)
    return 0


def results(arguments: argparse.Namespace) -> int:
    """Record results; return 0.

    Raises:
        BatchError: ``--last`` without a batch, or the results are refused.
    """
    found, now = read_results(arguments.file), time.time()
    outbox = _outbox_of(arguments)
    with closing(existing_store(arguments)) as store:
        if arguments.batch_id is not None:
            _tell(store.results(arguments.batch_id, found, now, are_last=arguments.last))
        elif arguments.last:
            raise BatchError("--last given without BATCH_ID, whose last results these are; give it")
        else:
            _tell(store.sync_results(found, now))
        tidy(store, outbox)
    return 0


def due(arguments: argparse.Namespace) -> int:
    """Print the jobs that must be asked at once; return 0."""
    with closing(existing_store(arguments)) as store:
        for job in store.due(time.time(), arguments.within, arguments.again_after):
            line = {
                "custom_id": job.custom_id,
                "deployment": job.deployment,
                "body": body_of(job.entry),
                "needed_by": _iso(job.needed_by),
            }
            print(whole(json.dumps(line, ensure_ascii=False)))
    return 0


def forget(arguments: argparse.Namespace) -> int:
    """Delete the answers that a file holds; return 0.

    Raises:
        BatchError: the file is none of ``answers``.
    """
    try:
        lines = arguments.file.read_text(encoding="utf-8").split("\n")
        ids = [str(json.loads(line)["custom_id"]) for line in lines if line.strip()]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BatchError(
            f"{arguments.file}: not what 'python -m router batch answers' prints ({error}); "
            "nothing was deleted",
            metadata={"file": str(arguments.file)},
        ) from error
    with closing(existing_store(arguments)) as store:
        print(f"deleted {store.forget(ids):,}")
    return 0


def _outbox_of(arguments: argparse.Namespace) -> Outbox:
    """Return who deletes files: where each was written, or where all are said to be."""
    return Outbox(arguments.out or Path(), holds_all=arguments.out is not None)


def _tell(counts: Counter[str]) -> None:
    print(", ".join(f"{what} {count:,}" for what, count in sorted(counts.items())) or "nothing new")


def _iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()
