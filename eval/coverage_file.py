"""The coverage set as a file: one JSON object a line, read and checked whole.

Here are the record and the reader; judging choices against the bands is ``eval.coverage``. The
fields are described in data/coverage/README.md.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from router.errors import DataError
from router.types import ROLES, Message

PARTS: tuple[str, str] = ("prior", "test")
_TEXT_KEYS = ("id", "kind", "language", "least_tier", "most_tier", "why", "part", "family")
_KEYS = {*_TEXT_KEYS, "difficulty", "messages"}
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class CoveragePrompt:
    """One prompt and its band.

    Attributes:
        id: Unique in the file.
        kind: What sort of request, such as "greeting" or "proof".
        language: ISO 639 code of the user's words; "und" where there are none.
        difficulty: 1 (anybody) to 5 (experts).
        messages: The conversation, oldest first.
        least_tier: Lowest tier that is accepted.
        most_tier: Highest tier that is accepted.
        why: The reason for the band, in a sentence.
        part: "prior" (training may use it) or "test" (kept back).
        family: Variants of one idea share it and never stand in both parts.
    """

    id: str
    kind: str
    language: str
    difficulty: int
    messages: tuple[Message, ...]
    least_tier: str
    most_tier: str
    why: str
    part: str
    family: str


def read_coverage(path: Path) -> tuple[CoveragePrompt, ...]:
    """Read a coverage file, one JSON object a line.

    Raises:
        DataError: The file cannot be read or holds nothing, or lines are wrong; ``problems`` names
            each as ``line N: what``.
    """
    try:
        text = path.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    # Not splitlines: a prompt may hold U+2028 and its like, which end no line of JSON.
    lines = text.split("\n") if text else []
    prompts: list[CoveragePrompt] = []
    problems: list[str] = []
    family_places: dict[str, tuple[str, str]] = {}
    ids: set[str] = set()
    for number, line in enumerate(lines, start=1):
        try:
            prompt = _prompt(line)
            _check_place(prompt, ids, family_places)
        except DataError as error:
            problems.append(f"line {number}: {error.message}")
        else:
            prompts.append(prompt)
    if problems:
        raise DataError(
            f"{path}: {len(problems)} of {len(lines)} lines are wrong, first {problems[0]}; "
            "data/coverage/README.md describes the fields",
            problems=problems,
        )
    if not prompts:
        raise DataError(f"{path}: holds no prompt; give one JSON object a line")
    return tuple(prompts)


def _prompt(line: str) -> CoveragePrompt:
    try:
        content = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{line[:40]!r} is not a JSON object")
    if set(content) != _KEYS:
        missing, unknown = sorted(_KEYS - set(content)), sorted(set(content) - _KEYS)
        raise DataError(f"fields missing: {missing}; fields unknown: {unknown}")
    texts = {key: _text(content, key) for key in _TEXT_KEYS}
    difficulty = content["difficulty"]
    if type(difficulty) is not int or not 1 <= difficulty <= 5:
        raise DataError(f"difficulty = {difficulty!r}: must be an integer from 1 to 5")
    if texts["part"] not in PARTS:
        raise DataError(f"part = {texts['part']!r}: must be one of {', '.join(PARTS)}")
    if not _LANGUAGE.fullmatch(texts["language"]):
        raise DataError(f"language = {texts['language']!r}: must be an ISO 639 code such as 'en'")
    return CoveragePrompt(**texts, difficulty=difficulty, messages=_messages(content["messages"]))


def _text(content: Mapping[str, object], key: str) -> str:
    value = content[key]
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{key} = {value!r}: must be a non-empty string")
    return value


def _messages(given: object) -> tuple[Message, ...]:
    if not isinstance(given, list) or not given:
        raise DataError(f"messages = {given!r}: must be a non-empty list")
    messages: list[Message] = []
    for one in given:
        if not isinstance(one, dict) or set(one) != {"role", "content"}:
            raise DataError(f"message {one!r}: must be an object with exactly role and content")
        role = one["role"]
        if role not in ROLES:
            raise DataError(f"role = {role!r}: must be one of {', '.join(ROLES)}")
        messages.append(Message(role, _text(one, "content")))
    if messages[-1].role != "user":
        raise DataError(f"the last message is of {messages[-1].role!r}: must be of 'user'")
    return tuple(messages)


def _check_place(
    prompt: CoveragePrompt, ids: set[str], family_places: dict[str, tuple[str, str]]
) -> None:
    """Refuse a repeated id and a family that stands in two parts or kinds; remember both."""
    if prompt.id in ids:
        raise DataError(f"id {prompt.id!r} is used twice; must be unique")
    ids.add(prompt.id)
    place = (prompt.kind, prompt.part)
    first = family_places.setdefault(prompt.family, place)
    if first != place:
        raise DataError(
            f"family {prompt.family!r} stands in {first} and {place}: one kind and part allowed"
        )
