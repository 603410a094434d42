"""Batch files and results in providers' formats. What happens to a job is ``store`` and ``settle``.

OpenAI: JSON lines of custom_id, method, url and body; results in any order, those that failed in a
file of their own. Anthropic: one JSON body with custom_id and params; results as JSON lines.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from router.deferred.ways import BatchFile
from router.errors import BatchError

SUFFIXES = {"openai": ".jsonl", "anthropic": ".json"}
_BEFORE, _BETWEEN, _AFTER = '{"requests":[', ",\n", "]}\n"
# Beside those that say so: keys, bills and permissions, which are no fault of the request.
_WORTH_ANOTHER_TRY = {401, 402, 403, 408, 409, 425, 429}
_HALF = re.compile("[\ud800-\udfff]")


class Result(NamedTuple):
    """What came back of one job.

    Attributes:
        custom_id: Of the job.
        answer: The provider's response as JSON; None if it failed.
        error: What the provider said of the failure; empty if it did not fail.
        is_final: Whether another try would fail as well, because the request itself is wrong.
    """

    custom_id: str
    answer: str | None
    error: str = ""
    is_final: bool = False


def entry_of(custom_id: str, body: Mapping[str, Any], of: BatchFile) -> str:
    """Return a job as one entry of a batch file."""
    if of.format == "anthropic":
        return _json({"custom_id": custom_id, "params": body})
    return _json({"custom_id": custom_id, "method": "POST", "url": of.url, "body": body})


def fitted(custom_id: str, entry: str, of: BatchFile) -> str:
    """Return an entry as a file of this kind has it, although another kind was stated before."""
    head = entry_of(custom_id, {}, of).removesuffix("{}}")
    return entry if entry.startswith(head) else entry_of(custom_id, body_of(entry), of)


def body_of(entry: str) -> Any:
    """Return the body of a job from its entry."""
    content = json.loads(entry)
    return content["params"] if "params" in content else content["body"]


def bytes_of(entry: str) -> int:
    """Return how many bytes an entry takes in a file, what stands between entries included."""
    return len(entry.encode()) + len(_BETWEEN)


BYTES_AROUND = len(_BEFORE) + len(_AFTER)


def text_of(entries: Sequence[str], form: str) -> Iterator[str]:
    """Yield a file's text from its entries."""
    if form != "anthropic":
        yield from (entry + "\n" for entry in entries)
        return
    yield _BEFORE
    for place, entry in enumerate(entries):
        yield entry if place == 0 else _BETWEEN + entry
    yield _AFTER


def read_results(path: Path) -> list[Result]:
    """Read a provider's results: OpenAI's output or error file, or Anthropic's results.

    Raises:
        BatchError: not readable, or a line is no result; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BatchError(
            f"{path}: not readable ({error}); give the file of results as the provider has it",
            metadata={"file": str(path)},
        ) from error
    return [_result(line, path, at) for at, line in enumerate(lines, 1) if line.strip()]


def _result(line: str, path: Path, at: int) -> Result:
    try:
        content = json.loads(line)
        custom_id = content["custom_id"]
        if isinstance(custom_id, str):
            found = _anthropic(content) if "result" in content else _openai(content)
            return Result(custom_id, *found)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        pass
    raise BatchError(
        f"{path}: line {at} is no result of OpenAI or Anthropic; nothing was recorded: fetch the "
        "file again, whole",
        metadata={"file": str(path), "line": str(at)},
    )


def _openai(content: Mapping[str, Any]) -> tuple[str | None, str, bool]:
    response, error = content["response"], content.get("error")
    if response is None and error is None:
        raise KeyError("error")
    if response is None:
        return None, _json(error), False
    status = int(response["status_code"])
    if error is None and 200 <= status < 300:
        return _answered(response["body"])
    said = _json({"status_code": status, "error": error or response.get("body")})
    return None, said, 400 <= status < 500 and status not in _WORTH_ANOTHER_TRY


def _anthropic(content: Mapping[str, Any]) -> tuple[str | None, str, bool]:
    result = content["result"]
    if result["type"] == "succeeded":
        return _answered(result["message"])
    error = result.get("error") or {}
    kind = (error.get("error") or error).get("type")
    return None, _json({**result}), kind == "invalid_request_error"


def _answered(answer: Any) -> tuple[str | None, str, bool]:
    """Take an answer; one that is none although the call succeeded is worth another try."""
    if isinstance(answer, dict):
        return _json(answer), "", False
    return None, _json({"error": "succeeded without an answer", "given": answer}), False


def _json(content: Any) -> str:
    return whole(json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def whole(text: str) -> str:
    """Return a JSON text that UTF-8 can hold: half of a surrogate pair becomes an escape again.

    An answer that was cut off within an emoji ends in such a half.
    """
    return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
