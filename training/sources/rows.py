"""The nouns of reading outcomes: what a file says (raw), and what it means once checked.

Here are only data and the error that lists bad rows. Readers make ``RawTable``, ``check`` makes
``RowTable``, ``table`` turns that into arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.errors import DataError
from router.types import Message

LISTED_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as a file gives it, under the column names of data/README.md.

    Attributes:
        where: place a person can look up: "line 12", "row 3", "gsm.json record 7".
        values: column name to value; ignored where ``problem`` is set.
        problem: why the record could not be read at all, else empty.
    """

    where: str
    values: Mapping[str, object]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RawTable:
    """Everything a reader found.

    Attributes:
        records: in file order.
        numbers_as_text: the format knows only text (CSV), so "0.5" is a number.
        notes: what the reader left out or assumed, for the user to see.
    """

    records: Sequence[RawRecord]
    numbers_as_text: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One checked outcome of one model on one prompt.

    Attributes:
        where: see ``RawRecord``.
        key: what makes two rows the same prompt: the given id, else the text.
        messages: the prompt; a plain text is one user message.
        text: what is hashed and compared: the plain text, or the messages as JSON.
        model: its name.
        quality: in [0, 1].
        input_tokens: None = not stated.
        output_tokens: None = not stated.
        prompt_id: as given, else empty.
        task: as given, else "default".
        subtask: as given, else empty.
        group: as given, else empty.
    """

    where: str
    key: str
    messages: tuple[Message, ...]
    text: str
    model: str
    quality: float
    input_tokens: float | None
    output_tokens: float | None
    prompt_id: str
    task: str
    subtask: str
    group: str


@dataclass(frozen=True, slots=True)
class RowTable:
    """Checked outcomes and everything that did not become one.

    Attributes:
        rows: good rows, in file order.
        source: where they were read.
        problems: bad rows that were left out, as ``where: what`` (only with ``on_bad="skip"``).
        repeated_rows: rows that say again what an earlier one said, counted once.
        ignored_columns: columns that mean nothing here.
        notes: see ``RawTable``.
    """

    rows: tuple[Row, ...]
    source: str
    problems: tuple[str, ...] = ()
    repeated_rows: int = 0
    ignored_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def report(self) -> str:
        """Return in lines what was read and what was not."""
        prompts = len({row.key for row in self.rows})
        models = ", ".join(dict.fromkeys(row.model for row in self.rows))
        lines = [f"{self.source}: {len(self.rows)} outcomes, {prompts} prompts, models {models}"]
        if self.problems:
            lines.append(f"left out, {len(self.problems)} bad rows:\n{listed(self.problems)}")
        if self.repeated_rows:
            lines.append(f"{self.repeated_rows} rows repeat an earlier one and count once")
        if self.ignored_columns:
            lines.append(f"columns not used: {', '.join(self.ignored_columns)}")
        return "\n".join((*lines, *self.notes))


def listed(problems: Sequence[str]) -> str:
    """Return the first problems as lines, and how many more there are."""
    lines = [f"  {problem}" for problem in problems[:LISTED_PROBLEMS]]
    if len(problems) > LISTED_PROBLEMS:
        lines.append(f"  ... and {len(problems) - LISTED_PROBLEMS} more")
    return "\n".join(lines)


def bad_rows_error(source: str, problems: Sequence[str]) -> DataError:
    """Return the error that lists bad rows, the first ones in its message and all in it."""
    return DataError(
        f"{source}: {len(problems)} bad rows:\n{listed(problems)}\n"
        "correct them, or leave them out with on_bad='skip' (command line: --on-bad skip)",
        problems=problems,
        reason="BAD_ROWS",
        metadata={"source": source, "count": str(len(problems))},
    )
