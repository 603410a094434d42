"""Jobs as callers give them, JSON lines, checked against the catalog. Keeping them is ``store``."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from router.batch.formats import BYTES_AROUND, bytes_of, entry_of, whole
from router.catalog import Catalog
from router.deferred.ways import BatchFile, DeadlineDefaults
from router.errors import BatchError
from router.types import Deployment

JOB_KEYS = {"custom_id", "deployment", "body", "needed_by", "fall_back_at"}
_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Job(NamedTuple):
    """A job to be kept.

    Attributes:
        custom_id: The caller's own id.
        deployment: That is to answer.
        entry: As its batch file will hold it.
        given_sha256: Of the line it was given in, so that the same line twice is one job.
        needed_by: When the answer is needed, in seconds since 1970; None: whenever it comes.
        fall_back_at: Latest moment to ask at once; None: never.
    """

    custom_id: str
    deployment: str
    entry: str
    given_sha256: str
    needed_by: float | None
    fall_back_at: float | None


class _RefusedError(Exception):
    """What is wrong with a line."""


def read_jobs(path: Path, catalog: Catalog) -> list[Job]:
    """Read and check a file of jobs.

    Raises:
        BatchError: not readable, or a line is wrong; names the line and what is allowed.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BatchError(
            f"{path}: not readable ({error}); give a file of JSON lines",
            metadata={"file": str(path)},
        ) from error
    deployments = {item.id: item for item in catalog.deployments}
    jobs = []
    for at, line in enumerate(lines, 1):
        if line.strip():
            try:
                jobs.append(_job(line, deployments, catalog.deadlines))
            except (_RefusedError, RecursionError) as refused:
                why = "nested too deeply" if isinstance(refused, RecursionError) else refused
                raise BatchError(
                    f"{path}: line {at}: {why}; nothing was added",
                    metadata={"file": str(path), "line": str(at)},
                ) from refused
    return jobs


def _job(line: str, deployments: Mapping[str, Deployment], of: DeadlineDefaults) -> Job:
    try:
        given = json.loads(line, parse_constant=_no_json)
    except ValueError as error:
        raise _RefusedError(f"not JSON ({error}); give one object a line") from error
    if not isinstance(given, dict) or (unknown := sorted(set(given) - JOB_KEYS)):
        what = unknown if isinstance(given, dict) else type(given).__name__
        raise _RefusedError(f"{what} given; give an object with keys of {sorted(JOB_KEYS)}")
    custom_id = given.get("custom_id")
    if not (isinstance(custom_id, str) and _CUSTOM_ID.fullmatch(custom_id)):
        raise _RefusedError(
            f"custom_id {custom_id!r} given; must be 1 to 64 letters, digits, '_' and '-'"
        )
    name = given.get("deployment")
    item = deployments.get(name) if isinstance(name, str) else None
    if item is None or item.batch_file is None:
        able = sorted(one.id for one in deployments.values() if one.batch_file)
        raise _RefusedError(
            f"deployment {name!r} given; must be one with [deployments.batch_file] in the catalog: "
            f"{able}"
        )
    needed_by, fall_back_at = _time(given, "needed_by"), _time(given, "fall_back_at")
    if needed_by is not None and fall_back_at is None:
        fall_back_at = needed_by - _seconds_before(item, of)
    if fall_back_at is not None and (needed_by is None or fall_back_at >= needed_by):
        raise _RefusedError(
            f"fall_back_at {given.get('fall_back_at')!r} with needed_by {given.get('needed_by')!r} "
            "given; give needed_by, the later of the two, or neither"
        )
    canonical = json.dumps(given, sort_keys=True, ensure_ascii=False)
    entry = _entry(custom_id, given.get("body"), item, item.batch_file)
    digest = hashlib.sha256(whole(canonical).encode()).hexdigest()
    return Job(custom_id, item.id, entry, digest, needed_by, fall_back_at)


def _no_json(name: str) -> None:
    """Refuse what Python reads as a number and no provider does."""
    raise ValueError(f"{name} is no number of JSON")


def _entry(custom_id: str, body: Any, item: Deployment, of: BatchFile) -> str:
    if not isinstance(body, dict) or body.get("stream"):
        what = "stream" if isinstance(body, dict) else f"body {type(body).__name__}"
        raise _RefusedError(
            f"{what} given; the body must be the provider's request, without stream"
        )
    model = body.get("model", item.model)
    if model != item.model:
        raise _RefusedError(
            f"model {model!r} given; a file is for one model, and {item.id!r} serves "
            f"{item.model!r}: leave model out, or name another deployment"
        )
    entry = entry_of(custom_id, {"model": model, **body}, of)
    if bytes_of(entry) + BYTES_AROUND > of.most_bytes:
        raise _RefusedError(
            f"a body of {len(entry.encode())} bytes given; a file takes {of.most_bytes}: ask for "
            "it at once"
        )
    return entry


def _seconds_before(item: Deployment, of: DeadlineDefaults) -> float:
    """Return how long before the deadline the fall-back point lies."""
    if item.completion is None or of.confidence is None:
        raise _RefusedError(
            "needed_by given without fall_back_at, which cannot be worked out; give it, or state "
            f"[deadlines] and the completion of {item.id!r} in the catalog"
        )
    sync = item.completion.sync
    return (sync.within(of.confidence) or sync.seconds[-1]) + of.margin_seconds


def _time(given: Mapping[str, Any], key: str) -> float | None:
    if key not in given:
        return None
    try:
        moment = datetime.fromisoformat(given[key])
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return moment.astimezone(UTC).timestamp()  # at the ends of time there is no such moment
    except (TypeError, ValueError, OverflowError):
        raise _RefusedError(
            f"{key} {given[key]!r} given; must be a time with its zone, such as "
            "2026-11-26T18:00:00Z"
        ) from None
