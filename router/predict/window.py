"""The part of a conversation that is read: bounded, so that a long prompt costs a set time.

Here is only the choice of characters. Tokens are cut in ``tokenize``; the number of input tokens
that is priced (``router.cost.tokens``) always counts the whole conversation.
"""

import re
from collections.abc import Callable, Sequence

from router.compiled import KERNEL
from router.types import Message

WINDOW_CHARS = 4096
"""Most characters read for text features; the encoder takes the tokens of both ends of these."""

_MARKS, _LEAST = "-=_*#~.+", 8
_RULES = tuple(mark * _LEAST for mark in _MARKS)
_RULE = re.compile(rf"([{_MARKS}])\1{{{_LEAST - 1},}}")
_QUOTES = {
    '"': '"',
    "'": "'",
    "\u201c": "\u201d",
    "\u201e": "\u201c",
    "\u00ab": "\u00bb",
    "\u300c": "\u300d",
}


def has_rule_in_python(text: str) -> bool:
    """Tell whether there is a run to take out, without the kernel.

    A look for each mark takes a tenth of the time of the pattern, and most texts have none.
    """
    return any(rule in text for rule in _RULES)


RUNS = None if KERNEL is None else KERNEL.Runs(_MARKS.encode(), _LEAST)
_has_rule: Callable[[str], bool] = has_rule_in_python if RUNS is None else RUNS.found

FRAMES = "".join(filter(str.isascii, _QUOTES)).encode()
"""Characters of ASCII with which a text may begin that is framed by quotation marks."""


def head_and_tail(text: str, limit: int) -> str:
    """Return ``text``, or its first and last halves of ``limit`` characters joined by a newline."""
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return text[:half] + "\n" + text[-half:]


def bare(text: str) -> str:
    """Return ``text`` without what only frames it, as it was where nothing else stands in it.

    That is white space around it, runs of eight or more equal marks (a ruler, a fold, padding), and
    a pair of quotation marks around the whole that holds no other.
    """
    text = text.strip()
    if _has_rule(text):
        text = _RULE.sub("", text).strip() or text
    closing = _QUOTES.get(text[:1])
    if closing is not None and text[-1] == closing and len(text) > 2:
        inside = text[1:-1]
        if text[0] not in inside and closing not in inside:
            text = inside.strip() or text
    return text


def window(messages: Sequence[Message]) -> str:
    """Return the at most ``WINDOW_CHARS`` characters that stand for a conversation.

    That is the last user turn, the one that must be answered, whole or its start and end, without
    what only frames it (``bare``). What stands around it does not make it easier or harder to read
    here: a mean over a long system prompt or an old proof says nothing of "thanks". Only where
    that turn is blank are the start and the end of the rest read.
    """
    if len(messages) == 1:
        return bare(head_and_tail(messages[0].content.strip(), WINDOW_CHARS))
    last_user = max(
        (i for i, message in enumerate(messages) if message.role == "user"),
        default=len(messages) - 1,
    )
    question = bare(head_and_tail(messages[last_user].content.strip(), WINDOW_CHARS))
    if question:
        return question
    return _bounded_join(
        [message.content for i, message in enumerate(messages) if i != last_user], WINDOW_CHARS
    )


def _bounded_join(texts: Sequence[str], limit: int) -> str:
    """Join by newlines, then cut in the middle, never building more than about three limits."""
    whole = sum(map(len, texts)) + len(texts)
    if whole <= 2 * limit:
        return head_and_tail("\n".join(texts), limit)
    head: list[str] = []
    size = 0
    for text in texts:
        head.append(text[:limit])
        size += len(head[-1]) + 1
        if size > limit:
            break
    tail: list[str] = []
    size = 0
    for text in reversed(texts):
        tail.append(text[-limit:])
        size += len(tail[-1]) + 1
        if size > limit:
            break
    half = (limit - 1) // 2
    return "\n".join(head)[:half] + "\n" + "\n".join(reversed(tail))[-half:]
