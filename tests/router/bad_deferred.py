"""Bad deadlines, completion times, jobs and results: rows of the table of bad inputs."""

import json
import math
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from bad_inputs import BadFile, BadRequest
from bad_requests import INVALID, asked
from bad_settings import CATALOG, bad_catalog

from router.batch.formats import Result, read_results
from router.batch.jobs import read_jobs
from router.batch.outbox import Outbox
from router.batch.store import JobStore
from router.catalog import Catalog, parse_catalog
from router.errors import BatchError
from router.v1 import router_pb2 as pb

POINT = {"seconds": 60, "probability": 0.99}
COMPLETION: dict[str, Any] = {"sync": [POINT], "as_of": date(2026, 11, 12), "source": "a test"}
FILE: dict[str, Any] = {
    "format": "openai", "url": "/v1/chat/completions", "most_requests": 10, "most_bytes": 500,
}  # fmt: skip
JOB: dict[str, Any] = {"custom_id": "one", "deployment": "claude-3-haiku", "body": {"n": 1}}
HAIKU = "claude-3-haiku-20240307"


def deadline(**fields: float) -> pb.RouteRequest:
    return asked(deadline=pb.Deadline(**fields))


DEADLINES = [
    BadRequest(
        "a deadline that is over",
        deadline(needed_within_seconds=0.0),
        INVALID,
        "DEADLINE_OUT_OF_RANGE",
        "deadline.needed_within_seconds",
        "deadline.needed_within_seconds: 0 given, must be above 0 and at most 2592000 (30 days)",
    ),
    BadRequest(
        "a deadline next year",
        deadline(needed_within_seconds=31_536_000.0),
        INVALID,
        "DEADLINE_OUT_OF_RANGE",
        "deadline.needed_within_seconds",
        "deadline.needed_within_seconds: 31536000 given, must be above 0 and at most 2592000 "
        "(30 days)",
    ),
    BadRequest(
        "a deadline without a confidence, neither here nor in the catalog",
        deadline(needed_within_seconds=60.0),
        INVALID,
        "CONFIDENCE_MISSING",
        "deadline.confidence",
        "deadline.confidence: not given, and the catalog states no confidence under [deadlines]; "
        "give one",
    ),
    BadRequest(
        "a deadline to be kept for sure",
        deadline(needed_within_seconds=60.0, confidence=1.0),
        INVALID,
        "CONFIDENCE_OUT_OF_RANGE",
        "deadline.confidence",
        "deadline.confidence: 1.0 given, must be above 0 and below 1",
    ),
    BadRequest(
        "a deadline and a plan",
        asked(
            deadline=pb.Deadline(needed_within_seconds=60.0, confidence=0.9), plan=pb.PlanOptions()
        ),
        INVALID,
        "DEADLINE_WITH_PLAN",
        "deadline",
        "deadline: given together with plan; a plan asks for answers one after another, and how "
        "long that takes is not known: leave one out",
    ),
    BadRequest(
        "a deadline, and nobody whose speed is known",
        deadline(needed_within_seconds=60.0, confidence=0.9),
        "FAILED_PRECONDITION",
        "NO_CANDIDATE",
        "",
        "no deployment may serve this request (llama-3-8b-self-hosted: COMPLETION_UNKNOWN, "
        "claude-3-haiku: COMPLETION_UNKNOWN, claude-3-5-sonnet: COMPLETION_UNKNOWN); relax the "
        "needs, the tier lists or max_cost_usd; state [deployments.completion] in the catalog, or "
        "leave deadline out",
    ),
]


def catalog_with(top: dict[str, Any] | None = None, **tables: Any) -> Catalog:
    content = tomllib.loads(CATALOG.read_text(encoding="utf-8"))
    content["deployments"][1].update(tables)
    return parse_catalog({**content, **(top or {})}, "catalog.toml")


def stated(**changes: Any) -> Callable[[Path], object]:
    return lambda _: catalog_with(completion={**COMPLETION, **changes})


def file_stated(**changes: Any) -> Callable[[Path], object]:
    return lambda _: catalog_with(batch_file={**FILE, **changes})


_AT = "deployments[1].completion"
DEFERRED_CATALOGS = [
    bad_catalog(
        "deadlines that are never kept",
        lambda _: catalog_with({"deadlines": {"confidence": 0}}),
        "deadlines.confidence = 0: must be a finite number > 0.0 and < 1.0",
    ),
    bad_catalog(
        "a margin below nothing",
        lambda _: catalog_with({"deadlines": {"confidence": 0.9, "margin_seconds": -1}}),
        "deadlines.margin_seconds = -1: must be a finite number >= 0.0",
    ),
    bad_catalog(
        "completion times without those of a call at once",
        stated(sync=[]),
        f"{_AT}.sync = []: must be one or more [[sync]] tables",
    ),
    bad_catalog(
        "completion times that do not rise",
        stated(sync=[POINT, {"seconds": 60, "probability": 0.999}]),
        f"{_AT}.sync[1].seconds = 60: must be a finite number > 60.0",
    ),
    bad_catalog(
        "probabilities that do not rise",
        stated(sync=[POINT, {"seconds": 90, "probability": 0.99}]),
        f"{_AT}.sync[1].probability = 0.99: must be a finite number > 0.99 and <= 1.0",
    ),
    bad_catalog(
        "batch times without a batch price",
        stated(batch=[POINT]),
        f"{_AT}.batch = [{POINT!r}]: needs batch_price beside it, or a price_key",
    ),
    bad_catalog(
        "completion times of a day in quotes",
        stated(as_of="2026-11-12"),
        f"{_AT}.as_of = '2026-11-12': must be a date such as 2026-11-01, without quotes",
    ),
    bad_catalog(
        "batch files of another format",
        file_stated(format="gemini"),
        "deployments[1].batch_file.format = 'gemini': must be one of ['openai', 'anthropic']",
    ),
    bad_catalog(
        "Anthropic's batch files with an endpoint",
        file_stated(format="anthropic"),
        "deployments[1].batch_file.url = '/v1/chat/completions': goes with format \"openai\" only",
    ),
]


def adding(catalog: dict[str, Any] | None = None, **changes: Any) -> Callable[[Path], object]:
    """Read a file of one job after changes."""

    def read(_: Path) -> object:
        Path("jobs").write_text(json.dumps({**JOB, **changes}), encoding="utf-8")
        return read_jobs(Path("jobs"), catalog_with(batch_file=FILE, **(catalog or {})))

    return read


def nested(_: Path) -> object:
    Path("jobs").write_text("[" * 100_000, encoding="utf-8")
    return read_jobs(Path("jobs"), catalog_with(batch_file=FILE))


def told(text: str) -> Callable[[Path], object]:
    """Read a file of results."""

    def read(_: Path) -> object:
        Path("results").write_text(text, encoding="utf-8")
        return read_results(Path("results"))

    return read


def in_store(do: Callable[[JobStore], object]) -> Callable[[Path], object]:
    """Do something with a store of one job, which waits."""

    def run(_: Path) -> object:
        adding()(Path())
        store = JobStore(Path("jobs.sqlite3"))
        store.add(read_jobs(Path("jobs"), catalog_with(batch_file=FILE)), 3, 0.0)
        return do(store)

    return run


def other_content(store: JobStore) -> object:
    return store.add(adding(body={"n": 2})(Path()), 3, 0.0)  # type: ignore[arg-type]


def bad(given: str, make: Callable[[Path], object], message: str, reason: str = "") -> BadFile:
    return BadFile(given, make, BatchError, reason or "BATCH_INVALID", message)


def bad_line(given: str, make: Callable[[Path], object], message: str) -> BadFile:
    return bad(given, make, f"jobs: line 1: {message}; nothing was added")


_ID_RULE = "must be 1 to 64 letters, digits, '_' and '-'"
_TIME_RULE = "must be a time with its zone, such as 2026-11-26T18:00:00Z"
JOBS = [
    bad(
        "a file of jobs that is not there",
        lambda _: read_jobs(Path("jobs"), catalog_with()),
        "jobs: not readable (…); give a file of JSON lines",
    ),
    bad_line(
        "a job with a misspelt key",
        adding(deadline="soon"),
        "['deadline'] given; give an object with keys of ['body', 'custom_id', 'deployment', "
        "'fall_back_at', 'needed_by']",
    ),
    bad_line(
        "a job whose id providers refuse",
        adding(custom_id="a job"),
        f"custom_id 'a job' given; {_ID_RULE}",
    ),
    bad_line(
        "a job with a number that no provider reads",
        adding(body={"temperature": math.nan}),
        "not JSON (NaN is no number of JSON); give one object a line",
    ),
    bad_line(
        "a job nested beyond measure",
        nested,
        "nested too deeply",
    ),
    bad_line(
        "a job for a deployment without batch files",
        adding(deployment="claude-3-5-sonnet"),
        "deployment 'claude-3-5-sonnet' given; must be one with [deployments.batch_file] in the "
        "catalog: ['claude-3-haiku']",
    ),
    bad_line(
        "a job without a body",
        adding(body="Why?"),
        "body str given; the body must be the provider's request, without stream",
    ),
    bad_line(
        "a job that streams",
        adding(body={"stream": True}),
        "stream given; the body must be the provider's request, without stream",
    ),
    bad_line(
        "a job for another model",
        adding(body={"model": "gpt-5.1"}),
        "model 'gpt-5.1' given; a file is for one model, and 'claude-3-haiku' serves "
        f"'{HAIKU}': leave model out, or name another deployment",
    ),
    bad_line(
        "a job larger than a file may be",
        adding(body={"text": "x" * 500}),
        "a body of … bytes given; a file takes 500: ask for it at once",
    ),
    bad_line(
        "a job needed at a time without a zone",
        adding(needed_by="2026-11-26T18:00:00"),
        f"needed_by '2026-11-26T18:00:00' given; {_TIME_RULE}",
    ),
    bad_line(
        "a job needed by a time, and nobody knows when to fall back",
        adding(needed_by="2026-11-26T18:00:00Z"),
        "needed_by given without fall_back_at, which cannot be worked out; give it, or state "
        "[deadlines] and the completion of 'claude-3-haiku' in the catalog",
    ),
    bad_line(
        "a job to be asked at once after it is needed",
        adding(needed_by="2026-11-26T18:00:00Z", fall_back_at="2026-11-26T19:00:00Z"),
        "fall_back_at '2026-11-26T19:00:00Z' with needed_by '2026-11-26T18:00:00Z' given; give "
        "needed_by, the later of the two, or neither",
    ),
    bad(
        "a job added before with other content",
        in_store(other_content),
        "custom_id 'one' was added before with other content; nothing was added: use a new "
        "custom_id for a new job",
        "BATCH_CONFLICT",
    ),
    bad(
        "a directory for batch files that is not there",
        lambda _: Outbox(Path("out")),
        "out: there is no such directory; make it, or give another --out",
    ),
    bad(
        "a batch file that is not there",
        in_store(lambda store: store.sent("two.jsonl", "batch_1")),
        "there is no file 'two.jsonl'; known are []",
    ),
    bad(
        "results that were cut off",
        told('{"custom_id": "one", "result": {"type": "expired"}}\n{"custom_id": "two", "res'),
        "results: line 2 is no result of OpenAI or Anthropic; nothing was recorded: fetch the file "
        "again, whole",
    ),
    bad(
        "results of a batch that nobody sent",
        in_store(lambda store: store.results("batch_1", [], 0.0)),
        "there is no batch 'batch_1'; known are []",
    ),
    bad(
        "a result of a job that was never added",
        in_store(lambda store: store.sync_results([Result("two", "{}")], 0.0)),
        "there is no job 'two', of which there is a result; nothing was recorded: give the store "
        "it was added to",
    ),
]
