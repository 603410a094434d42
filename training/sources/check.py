"""Raw records to checked rows: every fault becomes a sentence with its place, none is dropped.

Here are the rules of data/README.md for the long and the wide shape. Reading files is elsewhere.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from router.errors import DataError
from router.types import ROLES, Message
from training.sources.rows import RawRecord, RawTable, Row, RowTable

QUALITY, OUTPUT = "quality:", "output_tokens:"
DEFAULT_TASK = "default"
_PROMPT_COLUMNS = ("prompt", "messages", "prompt_id", "task", "subtask", "group", "input_tokens")
_LONG_COLUMNS = (*_PROMPT_COLUMNS, "model", "quality", "output_tokens")
_TRUTH = {"true": 1.0, "false": 0.0}


class _BadRowError(Exception):
    """A fault of one record; the text is what the user reads behind the place."""


@dataclass(slots=True)
class _Seen:
    """What earlier rows said, to notice repetition and contradiction."""

    outcomes: dict[tuple[str, str], Row] = field(default_factory=dict)
    prompts: dict[str, Row] = field(default_factory=dict)
    repeated: int = 0


def check_records(raw: RawTable, source: str) -> tuple[RowTable, tuple[str, ...]]:
    """Check every record.

    Returns:
        The good rows (their ``problems`` empty) and every bad one as ``where: what``.

    Raises:
        DataError: the records have no column for the prompt, the model or the quality.
    """
    wide = _is_wide(raw.records, source)
    rows: list[Row] = []
    problems: list[str] = []
    ignored: dict[str, None] = {}
    seen = _Seen()
    for record in raw.records:
        if record.problem:
            problems.append(f"{record.where}: {record.problem}")
            continue
        ignored.update(dict.fromkeys(_unused(record.values, wide=wide)))
        try:
            found = list(_rows(record, wide=wide, textual=raw.numbers_as_text))
        except _BadRowError as fault:
            problems.append(f"{record.where}: {fault}")
            continue
        for row in found:
            try:
                if _is_new(row, seen):
                    rows.append(row)
            except _BadRowError as fault:
                problems.append(f"{record.where}: {fault}")
    table = RowTable(tuple(rows), source, (), seen.repeated, tuple(sorted(ignored)), raw.notes)
    return table, tuple(problems)


def _is_wide(records: Sequence[RawRecord], source: str) -> bool:
    readable = [record.values for record in records if not record.problem]
    names = dict.fromkeys(name for values in readable for name in values)
    wide = any(name.startswith(QUALITY) for name in names)
    needed = [] if wide else ["model", "quality"]
    missing = [name for name in needed if name not in names]
    if not {"prompt", "messages"} & set(names):
        missing.insert(0, "prompt (or messages)")
    if readable and missing:
        raise DataError(
            f"{source}: no column {', '.join(missing)}; found {', '.join(names) or 'none'}. "
            "Long shape: prompt, model, quality. Wide shape: prompt and one column "
            "'quality:<model>' per model. Map other names with column_map",
            reason="MISSING_COLUMN",
        )
    return wide


def _unused(values: Mapping[str, object], *, wide: bool) -> Iterator[str]:
    known = _PROMPT_COLUMNS if wide else _LONG_COLUMNS
    for name in values:
        if name not in known and not (wide and name.startswith((QUALITY, OUTPUT))):
            yield name


def _rows(record: RawRecord, *, wide: bool, textual: bool) -> Iterator[Row]:
    values = record.values
    messages, text = _prompt(values)
    prompt_id = _label(values, "prompt_id")
    input_tokens = _tokens(values, "input_tokens", textual=textual)
    if wide:
        models = [name.removeprefix(QUALITY) for name in values if name.startswith(QUALITY)]
        columns = [(m, QUALITY + m, OUTPUT + m) for m in models if not _empty(values[QUALITY + m])]
        orphans = [
            name
            for name in values
            if name.startswith(OUTPUT)
            and not _empty(values[name])
            and _empty(values.get(QUALITY + name.removeprefix(OUTPUT)))
        ]
        if orphans:
            raise _BadRowError(f"{orphans[0]} has a value but there is no quality for that model")
        if not columns:
            raise _BadRowError("no quality for any model")
    else:
        columns = [(_label(values, "model"), "quality", "output_tokens")]
    for model, quality, output in columns:
        if not model:
            raise _BadRowError("model is missing")
        yield Row(
            where=record.where,
            key=prompt_id or text,
            messages=messages,
            text=text,
            model=model,
            quality=_quality(values, quality, textual=textual),
            input_tokens=input_tokens,
            output_tokens=_tokens(values, output, textual=textual),
            prompt_id=prompt_id,
            task=_label(values, "task") or DEFAULT_TASK,
            subtask=_label(values, "subtask"),
            group=_label(values, "group"),
        )


def _is_new(row: Row, seen: _Seen) -> bool:
    prompt = seen.prompts.setdefault(row.key, row)
    for name in ("text", "task", "subtask", "group"):
        if getattr(prompt, name) != getattr(row, name):
            what = "prompt" if name == "text" else name
            raise _BadRowError(f"the same prompt has another {what} at {prompt.where}")
    earlier = seen.outcomes.setdefault((row.key, row.model), row)
    if earlier is row:
        return True
    if earlier.quality != row.quality:
        raise _BadRowError(
            f"{row.model} has quality {row.quality:g} here and {earlier.quality:g} at "
            f"{earlier.where} for the same prompt"
        )
    seen.repeated += 1
    return False


def _empty(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _prompt(values: Mapping[str, object]) -> tuple[tuple[Message, ...], str]:
    prompt, messages = values.get("prompt"), values.get("messages")
    if _empty(messages):
        if not _empty(prompt) and not isinstance(prompt, str):
            raise _BadRowError(f"prompt must be text, found {type(prompt).__name__}")
        if not isinstance(prompt, str) or not prompt.strip():
            raise _BadRowError("prompt is empty")
        return (Message("user", prompt),), prompt
    if not _empty(prompt):
        raise _BadRowError("give prompt or messages, not both")
    parsed = _messages(messages)
    return parsed, json.dumps([message._asdict() for message in parsed], ensure_ascii=False)


def _messages(value: object) -> tuple[Message, ...]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise _BadRowError(f"messages is not JSON ({error})") from error
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise _BadRowError("messages must be a list of {role, content}, not empty")
    parsed = []
    for item in value:
        role = item.get("role") if isinstance(item, Mapping) else None
        content = item.get("content") if isinstance(item, Mapping) else None
        if role not in ROLES or not isinstance(content, str):
            raise _BadRowError(
                f"each message needs a role of {', '.join(ROLES)} and a text content"
            )
        parsed.append(Message(str(role), content))
    if not any(message.content.strip() for message in parsed):
        raise _BadRowError("prompt is empty")
    return tuple(parsed)


def _label(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    if _empty(value):
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _BadRowError(f"{name} must be text, found {type(value).__name__}")
    return str(value).strip()


def _number(value: object, name: str, *, textual: bool) -> float:
    if textual and isinstance(value, str):
        with suppress(ValueError):
            truth = _TRUTH.get(value.strip().lower())
            value = float(value) if truth is None else truth
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise _BadRowError(f"{name} is not a number: {str(value)[:40]!r}")
    return float(value)


def _quality(values: Mapping[str, object], name: str, *, textual: bool) -> float:
    value = values.get(name)
    if _empty(value):
        raise _BadRowError(f"{name} is missing or not a number")
    quality = _number(value, name, textual=textual)
    if not 0 <= quality <= 1:
        raise _BadRowError(f"{name} is {quality:g}, outside [0, 1]")
    return quality


def _tokens(values: Mapping[str, object], name: str, *, textual: bool) -> float | None:
    value = values.get(name)
    if _empty(value):
        return None
    tokens = _number(value, name, textual=textual)
    if isinstance(value, bool) or tokens < 0:
        raise _BadRowError(f"{name} is {value}, must be a number of tokens >= 0")
    return tokens
