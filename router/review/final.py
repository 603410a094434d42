r"""The final answer in a model's text: where it stands, of what kind it is, in one spelling.

Looked for in this order: a JSON object's answer field, ``\boxed{}``, "#### ", "the answer is", a
code block, a bare short text. A text with none of these is free text. Whether two final answers
agree is ``router.review.compare``.
"""

import json
import re
from enum import IntEnum
from typing import Any, NamedTuple

from router.review.normal import canonical_json, number_of, phrase, plain_code, spelled

ANSWER_KEYS = ("answer", "final_answer", "final answer", "result", "solution", "output")
_SHORT = 60
_MOST_LEVELS = 100
"""JSON nested deeper is no answer, and Python's recursion could not walk it."""
_FENCE = re.compile(r"```([\w+-]*)[ \t]*\n(.*?)(?:\n```|\Z)", re.DOTALL)
_FIELD = re.compile(
    rf'"(?:{"|".join(ANSWER_KEYS)})"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|(-?[\d.,/]+))', re.IGNORECASE
)
# Written so that each run of spaces can be split in one way only: an answer that ends in thousands
# of line breaks must not take time with the square or cube of their number.
_STATED = re.compile(
    r"(?:^|\n)[^\S\n]*####\s*([^\n]+)"
    r"|(?:final answer|answer|result)\**\s*(?:is|:|=)\s*(?::\s*)?(?:\*+\s*)?([^\n]{1,120})",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"^\(?([A-Ja-j])\)?(?:[.):]\s.*|[.):])?$", re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)|, (?:as|because|since|which) ")


class Kind(IntEnum):
    """Of what kind a final answer is. Values equal the wire enum's."""

    EMPTY = 1
    NUMBER = 2
    CHOICE = 3
    JSON = 4
    CODE = 5
    PHRASE = 6
    TEXT = 7


class Final(NamedTuple):
    """A final answer in one spelling; ``text`` is empty for ``EMPTY`` and ``TEXT``."""

    kind: Kind
    text: str


def final_answer(text: str) -> Final:
    """Find the final answer of a model's text."""
    if not text or text.isspace():
        return Final(Kind.EMPTY, "")
    document = _document(text)
    if document is not None:
        return _of_json(document)
    field = _last(_FIELD, text)
    if field is not None:
        return _of_short(_unescaped(field))
    boxed = _boxed(text)
    if boxed is not None:
        return _of_short(boxed)
    stated = _last(_STATED, text)
    if stated is not None and len(first := _SENTENCE_END.split(stated, maxsplit=1)[0]) <= _SHORT:
        return _of_short(first)
    blocks = _FENCE.findall(text)
    if blocks:
        return Final(Kind.CODE, plain_code(blocks[-1][1]))
    stripped = text.strip()
    if len(stripped) <= _SHORT and "\n" not in stripped:
        return _of_short(stripped)
    return Final(Kind.TEXT, "")


def _of_short(text: str) -> Final:
    choice = _CHOICE.match(text.strip().strip("*"))
    if choice:
        return Final(Kind.CHOICE, choice[1].upper())
    number = number_of(text)
    if number is not None:
        return Final(Kind.NUMBER, spelled(number))
    short = phrase(text)
    if not short:
        return Final(Kind.EMPTY, "")
    return Final(Kind.PHRASE, short) if len(text) <= _SHORT * 4 else Final(Kind.TEXT, "")


def _of_json(document: Any) -> Final:
    if isinstance(document, dict):
        named = {str(key).casefold(): value for key, value in document.items()}
        for key in ANSWER_KEYS:
            value = named.get(key)
            if isinstance(value, bool | str | int | float):
                return _of_short(str(value))
            if value is not None:
                return Final(Kind.JSON, canonical_json(value))
    return Final(Kind.JSON, canonical_json(document))


def _document(text: str) -> Any:
    """Return the JSON object or list a text is or holds; None if there is none."""
    stripped = text.strip()
    candidates = [stripped, *(body.strip() for _, body in reversed(_FENCE.findall(text)))]
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        candidates.append(text[start : end + 1])
    for candidate in candidates:
        if candidate[:1] not in ("{", "["):
            continue
        try:
            document = json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict | list) and not _is_deeper(document, _MOST_LEVELS):
            return document
    return None


def _is_deeper(document: Any, levels: int) -> bool:
    """Tell whether lists and objects stand in one another on more levels, without recursion."""
    within = [document]
    for _ in range(levels):
        inner = (one.values() if isinstance(one, dict) else one for one in within)
        within = [one for some in inner for one in some if isinstance(one, dict | list)]
        if not within:
            return False
    return True


def _boxed(text: str) -> str | None:
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth = 0
    for place in range(start + 6, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return text[start + 7 : place]
    return None


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = None
    for match in pattern.finditer(text):
        found = next(part for part in match.groups() if part is not None)
    return found


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")
