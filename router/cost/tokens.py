"""How many input tokens a text will count, estimated without any vocabulary.

Here is one linear estimate over bytes, words and numbers (docs/tokens.md), and the kind of a text,
by which a deployment's ratio to it is learnt. What is billed is only ever what a provider reports.
"""

from collections.abc import Iterable
from enum import IntEnum

from router.cost.weights import WEIGHT_OF_NUMBER, WEIGHT_OF_WORD
from router.predict.reading import BYTE_CLASS_NAMES, SCRIPTS, Reading, read

TOKENS_PER_MESSAGE = 4.0
_READ_WHOLE_CHARS = 8192
_PIECES = 16
_DIGIT = BYTE_CLASS_NAMES.index("digit")
_MATH, _BRACKET, _QUOTE, _OTHER = map(
    BYTE_CLASS_NAMES.index, ("math", "bracket", "quote", "other_ascii")
)
_MOST_LETTERS = 0.2
_MANY_DIGITS = 0.2
_MANY_MARKS = 0.08


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
    MARKED = 9  # code, JSON, tables


_KIND_OF_SCRIPT = [TextKind[name.upper()] for name in SCRIPTS]


def estimate_tokens(text: str) -> float:
    """Return the expected token count of ``text`` (o200k_base), >= 0; 0 only for an empty text.

    Of a text above 8,192 characters, 16 evenly spaced pieces of that many characters together are
    read, so that a long prompt costs no more time.
    """
    if len(text) <= _READ_WHOLE_CHARS:
        return tokens_of(read(text))
    size = _READ_WHOLE_CHARS // _PIECES
    starts = (piece * (len(text) - size) // (_PIECES - 1) for piece in range(_PIECES))
    sample = "".join(text[start : start + size] for start in starts)
    return tokens_of(read(sample)) * len(text) / len(sample)


def tokens_of(reading: Reading) -> float:
    """Return the expected token count of a text that is read already, as ``estimate_tokens``."""
    if not reading.text:
        return 0.0
    words_and_numbers = WEIGHT_OF_WORD * reading.n_words + WEIGHT_OF_NUMBER * reading.n_numbers
    return max(reading.weight + words_and_numbers, 1.0)


def kind_of(reading: Reading) -> TextKind:
    """Return what a text is mostly written in; plain where nothing stands out."""
    n_chars, scripts, counts = len(reading.text), reading.scripts, reading.byte_counts
    most = max(scripts)
    if most > _MOST_LETTERS * n_chars:
        return _KIND_OF_SCRIPT[scripts.index(most)]
    if counts[_DIGIT] > _MANY_DIGITS * n_chars:
        return TextKind.DIGITS
    if counts[_MATH] + counts[_BRACKET] + counts[_QUOTE] + counts[_OTHER] > _MANY_MARKS * n_chars:
        return TextKind.MARKED
    return TextKind.LATIN if reading.latin > 0.0 else TextKind.PLAIN


def estimate_conversation_tokens(texts: Iterable[str]) -> float:
    """Return the expected input tokens of a conversation, with a few per message for its frame."""
    return sum(estimate_tokens(text) + TOKENS_PER_MESSAGE for text in texts)
