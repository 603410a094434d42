"""The table of bad inputs: what was given, and what the user is told.

Here are the shape of a row, the sections and the Markdown made from them. Rows are in
``bad_requests``, ``bad_reviews``, ``bad_settings``, ``bad_pools``, ``bad_deferred``,
``bad_artifacts`` and ``bad_data``;
``test_bad_inputs`` tries each one. In a message "…" stands for a part that other software words,
or that changes with the machine: it matches anything.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import Message

from router.errors import RouterError

DATA_MARKER = "<!-- data files -->"
HEAD = """\
# Errors: what was given, and what you are told

Every message says what was given, what is allowed and what to do. Over gRPC each error is a
`google.rpc.Status` with one `ErrorInfo` (domain `router.v1`, the reason below, everything dynamic
as metadata) and, for a bad field, one `BadRequest` that names it. `…` stands for a part that
depends on the machine. This page is generated from the tests that provoke each error; rewrite it
with `python -m pytest tests/router/test_bad_inputs.py --update-docs`.
"""


@dataclass(frozen=True, slots=True)
class BadRequest:
    """A call that the server refuses.

    Attributes:
        given: What is wrong, in words.
        request: The message; or bytes that are none.
        code: Name of the gRPC code.
        reason: Reason of the ErrorInfo; empty when gRPC itself refuses the call.
        field: Field of the BadRequest; empty when there is none.
        message: Text of the status.
        method: Method called; told from the message by default.
    """

    given: str
    request: Message | bytes
    code: str
    reason: str
    field: str
    message: str
    method: str = ""


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file or setting that is refused at start, or before training.

    Attributes:
        given: What is wrong, in words.
        make: Called in an empty working directory; ends in the error.
        error: Its class.
        reason: Its reason.
        message: Its text; paths are relative to the working directory.
    """

    given: str
    make: Callable[[Path], object]
    error: type[RouterError]
    reason: str
    message: str


def matches(expected: str, actual: str) -> bool:
    """Tell whether a text is the expected one, "…" matching anything."""
    pattern = ".*".join(map(re.escape, expected.split("…")))
    return re.fullmatch(pattern, actual, flags=re.DOTALL) is not None


def markdown(sections: Sequence[tuple[str, Sequence[BadRequest | BadFile]]]) -> str:
    """Return the page: one table a section."""
    lines = [HEAD]
    for title, rows in sections:
        if title == "Data files":
            lines.append(DATA_MARKER)
        lines += [f"## {title}", "", "| what was given | what the user sees |", "|---|---|"]
        lines += [f"| {_cell(row.given)} | {_seen(row)} |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def _seen(row: BadRequest | BadFile) -> str:
    kind = row.code if isinstance(row, BadRequest) else row.error.__name__
    return f"{kind}{f' `{row.reason}`' if row.reason else ''}<br>{_cell(row.message)}"


def _cell(text: str) -> str:
    for character in "\\`*_[]|<>":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", "<br>")
