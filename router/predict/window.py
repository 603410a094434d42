"""The part of a conversation that is read: bounded, so that a long prompt costs a set time.

Here is only the choice of characters. Tokens are cut in ``tokenize``; the number of input tokens
that is priced (``router.cost.tokens``) always counts the whole conversation.
"""

from collections.abc import Sequence

from router.types import Message

WINDOW_CHARS = 4096
"""Most characters read for text features; the encoder takes the tokens of both ends of these."""

LAST_TURN_CHARS = 3072
"""Share of the window the last user turn may take before it is itself cut in the middle."""

LEAST_CONTEXT_CHARS = 256
"""What the rest of a conversation may take however short the last user turn is."""


def head_and_tail(text: str, limit: int) -> str:
    """Return ``text``, or its first and last halves of ``limit`` characters joined by a newline."""
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return text[:half] + "\n" + text[-half:]


def window(messages: Sequence[Message]) -> str:
    """Return the at most ``WINDOW_CHARS`` characters that stand for a conversation.

    White space around the last user turn is left out: it says nothing of what is asked.

    One message is read whole, or its start and end. Of several, the last user turn is kept whole
    where it fits and stands last, since it is what must be answered. The start and the end of
    everything before and after it take as much room again, so that a long system prompt does not
    drown a short question.
    """
    if len(messages) == 1:
        return head_and_tail(messages[0].content.strip(), WINDOW_CHARS)
    last_user = max(
        (i for i, message in enumerate(messages) if message.role == "user"),
        default=len(messages) - 1,
    )
    question = head_and_tail(messages[last_user].content.strip(), LAST_TURN_CHARS)
    room = min(WINDOW_CHARS - len(question) - 1, max(len(question), LEAST_CONTEXT_CHARS))
    context = _bounded_join([m.content for i, m in enumerate(messages) if i != last_user], room)
    return f"{context}\n{question}" if context else question


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
