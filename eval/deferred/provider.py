"""Made-up providers in virtual time: batches that are late, partial, refused, and told twice.

They read the files that the router really wrote, and answer in their providers' formats.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from router.deferred.ways import CompletionTimes

WINDOW_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Faults:
    """How often things go wrong, each a probability.

    Attributes:
        file_refused: A file is refused as a whole.
        row_failed: A row fails, and would not if it were tried again.
        row_missing: Nothing comes back of a row.
        in_two_parts: Results come in two parts, the second half an hour later.
        told_twice: Results are fetched twice.
        sync_failed: A call at once fails.
    """

    file_refused: float = 0.0
    row_failed: float = 0.0
    row_missing: float = 0.0
    in_two_parts: float = 0.0
    told_twice: float = 0.0
    sync_failed: float = 0.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """Results that can be fetched from a moment on."""

    at: float
    batch_id: str
    lines: tuple[str, ...]
    is_last: bool


@dataclass(slots=True)
class Provider:
    """Takes batch files.

    Attributes:
        times: How long batches really take.
        faults: How often things go wrong.
        rng: Draws.
        batches: File name to batch id; a refused file has the id "".
        sent_again: Files that were sent a second time.
        billed: Jobs of the rows that were done, once for each time.
    """

    times: CompletionTimes
    faults: Faults
    rng: np.random.Generator
    batches: dict[str, str] = field(default_factory=dict)
    sent_again: int = 0
    billed: list[str] = field(default_factory=list)

    def take(self, path: Path, now: float) -> list[Delivery]:
        """Take a file; return what will come of it, nothing if it is refused."""
        self.sent_again += path.name in self.batches
        if self.rng.random() < self.faults.file_refused:
            self.batches[path.name] = ""
            return []
        batch_id = f"batch_{len(self.batches)}"
        self.batches[path.name] = batch_id
        took = drawn(self.times, self.rng)
        done_at = now + min(took, WINDOW_S)
        # Of a batch that runs into its window some rows are done, the others expire.
        share = 1.0 if took <= WINDOW_S else self.rng.random()
        lines = [line for row in _rows(path) if (line := self._line(row, share)) is not None]
        order = self.rng.permutation(len(lines))
        shuffled = tuple(lines[place] for place in order)
        return self._deliveries(batch_id, shuffled, done_at)

    def _deliveries(self, batch_id: str, lines: tuple[str, ...], at: float) -> list[Delivery]:
        found = [Delivery(at, batch_id, lines, is_last=True)]
        if self.rng.random() < self.faults.in_two_parts:
            half = len(lines) // 2
            found = [
                Delivery(at, batch_id, lines[:half], is_last=False),
                Delivery(at + 1800.0, batch_id, lines[half:], is_last=True),
            ]
        if self.rng.random() < self.faults.told_twice:
            found.append(Delivery(found[-1].at + 600.0, batch_id, lines, is_last=False))
        return found

    def _line(self, row: dict[str, Any], share_done: float) -> str | None:
        custom_id, is_anthropic = row["custom_id"], "params" in row
        draw = self.rng.random()
        if draw < self.faults.row_missing:
            return None
        if self.rng.random() >= share_done:
            return _expired(custom_id, is_anthropic)
        if draw < self.faults.row_missing + self.faults.row_failed:
            return _failed(custom_id, is_anthropic)
        self.billed.append(custom_id)
        return answer_line(custom_id, "batch", is_anthropic=is_anthropic)


def drawn(times: CompletionTimes, rng: np.random.Generator) -> float:
    """Draw how long something takes: even between two points, infinite beyond the last."""
    place = rng.random()
    if place > times.probabilities[-1]:
        return float("inf")
    return float(np.interp(place, (0.0, *times.probabilities), (0.0, *times.seconds)))


def answer_line(custom_id: str, way: str, *, is_anthropic: bool) -> str:
    """Return a result that answers a job; the answer names the job and the way."""
    if is_anthropic:
        result = {"type": "succeeded", "message": {"content": custom_id, "way": way}}
        return json.dumps({"custom_id": custom_id, "result": result})
    response = {"status_code": 200, "body": {"content": custom_id, "way": way}}
    return json.dumps({"custom_id": custom_id, "response": response, "error": None})


def sync_failure(custom_id: str) -> str:
    """Return a result that says that a call at once failed."""
    return _failed(custom_id, is_anthropic=False)


def _failed(custom_id: str, is_anthropic: bool) -> str:
    if is_anthropic:
        error = {"type": "errored", "error": {"type": "api_error"}}
        return json.dumps({"custom_id": custom_id, "result": error})
    response = {"status_code": 500, "body": {}}
    return json.dumps({"custom_id": custom_id, "response": response, "error": None})


def _expired(custom_id: str, is_anthropic: bool) -> str:
    if is_anthropic:
        return json.dumps({"custom_id": custom_id, "result": {"type": "expired"}})
    error = {"code": "batch_expired", "message": "the window is over"}
    return json.dumps({"custom_id": custom_id, "response": None, "error": error})


def _rows(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        rows: list[dict[str, Any]] = json.loads(text)["requests"]
        return rows
    return [json.loads(line) for line in text.splitlines()]
