"""How many input tokens a text will count, estimated without any vocabulary.

Here is one linear estimate over bytes, words, numbers and places (docs/tokens.md), and the kind of
a text, by which a deployment's ratio to it is learnt. What is billed is only ever what a provider
reports.
"""

from collections.abc import Iterable
from enum import IntEnum

from router.cost.shape import shape_of
from router.cost.weights import WEIGHT_OF_NUMBER, WEIGHT_OF_SHAPE, WEIGHT_OF_WORD
from router.predict.byte_counts import BYTE_CLASS_NAMES, SCRIPTS
from router.predict.reading import Reading, count

TOKENS_PER_MESSAGE = 4.0
_PIECES, _PIECE_CHARS = 16, 512
_FEW_MESSAGES = 8
_CONVERSATION_PIECES, _CONVERSATION_PIECE_CHARS = 64, 1024
_DIGIT = BYTE_CLASS_NAMES.index("digit")
_MATH, _BRACKET, _QUOTE, _OTHER = map(
    BYTE_CLASS_NAMES.index, ("math", "bracket", "quote", "other_ascii")
)
_OF_GROUP, _OF_MARKED_END, _OF_LINE_END, _OF_INDENT = WEIGHT_OF_SHAPE
_MOST_LETTERS = 0.2
_MANY_DIGITS = 0.2
_MANY_MARKS = 0.08
_MANY_QUOTES = 0.05


class TextKind(IntEnum):
    """What a text is written in, as far as tokenizers differ on it; values as on the wire."""

    PLAIN = 1  # mostly English
    LATIN = 2  # another language in Latin letters
    GREEK_CYRILLIC = 3
    SEMITIC = 4
    INDIC = 5
    HAN_KANA = 6
    HANGUL = 7
    DIGITS = 8
    MARKED = 9  # code, tables
    QUOTED = 10  # JSON and the like


_KIND_OF_SCRIPT = [TextKind[name.upper()] for name in SCRIPTS]

TOKEN_WEIGHTS = (WEIGHT_OF_WORD, WEIGHT_OF_NUMBER, *WEIGHT_OF_SHAPE, TOKENS_PER_MESSAGE)
"""What the compiled kernel is told of the estimate; weights of bytes are in what it reads by."""

KINDS = (
    (_DIGIT, _MATH, _BRACKET, _QUOTE, _OTHER),
    (_MOST_LETTERS, _MANY_DIGITS, _MANY_MARKS, _MANY_QUOTES),
    _KIND_OF_SCRIPT,
    (TextKind.DIGITS, TextKind.QUOTED, TextKind.MARKED, TextKind.LATIN, TextKind.PLAIN),
)
"""What it is told of ``kind_of``: classes of bytes, shares, kinds by script, the other kinds."""


def estimate_tokens(text: str) -> float:
    """Return the expected token count of ``text`` (o200k_base), >= 0; 0 only for an empty text.

    Of a text above 8,192 characters, 16 evenly spaced pieces of that many characters together are
    read, so that a long prompt costs no more time.
    """
    return _estimated(text, _PIECES, _PIECE_CHARS)


def _estimated(text: str, pieces: int, size: int) -> float:
    """Read a text whole or, if longer, so many evenly spaced pieces of ``size`` characters."""
    if len(text) <= pieces * size:
        return tokens_of(count(text))
    starts = (piece * (len(text) - size) // (pieces - 1) for piece in range(pieces))
    sample = "".join(text[start : start + size] for start in starts)
    return tokens_of(count(sample)) * len(text) / len(sample)


def tokens_of(reading: Reading) -> float:
    """Return the expected token count of a text that is read already, as ``estimate_tokens``."""
    if not reading.text:
        return 0.0
    groups, marked_ends, line_ends, indents = reading.shape or shape_of(reading.encoded)
    return max(
        reading.weight
        + WEIGHT_OF_WORD * reading.n_words
        + WEIGHT_OF_NUMBER * reading.n_numbers
        + _OF_GROUP * groups
        + _OF_MARKED_END * marked_ends
        + _OF_LINE_END * line_ends
        + _OF_INDENT * indents,
        1.0,
    )


def kind_of(reading: Reading) -> TextKind:
    """Return what a text is mostly written in; plain where nothing stands out."""
    n_chars, scripts, counts = len(reading.text), reading.scripts, reading.byte_counts
    most = max(scripts)
    if most > _MOST_LETTERS * n_chars:
        return _KIND_OF_SCRIPT[scripts.index(most)]
    if counts[_DIGIT] > _MANY_DIGITS * n_chars:
        return TextKind.DIGITS
    if counts[_MATH] + counts[_BRACKET] + counts[_QUOTE] + counts[_OTHER] > _MANY_MARKS * n_chars:
        return TextKind.QUOTED if counts[_QUOTE] > _MANY_QUOTES * n_chars else TextKind.MARKED
    return TextKind.LATIN if reading.latin > 0.0 else TextKind.PLAIN


def estimate_conversation_tokens(texts: Iterable[str]) -> float:
    """Return the expected input tokens of a conversation, with a few per message for its frame.

    More than 8 messages are read as one text, whole up to 65,536 characters, above that 64 evenly
    spaced pieces: each message by itself would take as long as a whole decision takes otherwise.
    """
    given = list(texts)
    if len(given) <= _FEW_MESSAGES:
        return sum(map(estimate_tokens, given)) + TOKENS_PER_MESSAGE * len(given)
    whole = _estimated(" ".join(given), _CONVERSATION_PIECES, _CONVERSATION_PIECE_CHARS)
    return whole + TOKENS_PER_MESSAGE * len(given)
