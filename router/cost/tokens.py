"""How many input tokens a text will count, estimated without any vocabulary.

Here is one linear estimate over byte classes. Exact tokenizers and a ratio learnt from reported
usage are not here yet; what is billed is only ever what a provider reports.
"""

from collections.abc import Iterable
from operator import mul

from router.predict.reading import BYTE_CLASS_NAMES, Reading, read

# Least squares with non-negative weights on relative error, over 14,300 public English prompts
# (half of routellm, mmlu_pro and bfcl) counted with o200k_base; on the other half the
# median error is 3.7 % and the 90th percentile 11 % (a quarter of the characters: 19 % and 43 %).
# The four classes outside ASCII are not in those data: they follow published characters-per-token
# figures for Cyrillic (about 3.7), Chinese, Japanese and Korean (about 2.1) and emoji.
_TOKENS_PER_BYTE = {
    "lower": 0.0279,
    "upper": 0.1955,
    "digit": 0.5685,
    "space": 0.1606,
    "newline": 1.2848,
    "math": 0.697,
    "bracket": 0.8493,
    "quote": 0.4232,
    "stop": 0.7435,
    "question": 0.4647,
    "backslash": 0.8625,
    "other_ascii": 0.2694,
    "continuation": 0.0,
    "lead_2": 0.3,
    "lead_3": 0.48,
    "lead_4": 1.5,
}
_TOKENS_PER_WORD = 0.7365
TOKENS_PER_MESSAGE = 4.0
_READ_WHOLE_CHARS = 8192
_PIECES = 16
_WEIGHTS = [_TOKENS_PER_BYTE[name] for name in BYTE_CLASS_NAMES]


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
    of_bytes: float = sum(map(mul, reading.byte_counts, _WEIGHTS))
    return max(of_bytes + _TOKENS_PER_WORD * reading.n_words, 1.0)


def estimate_conversation_tokens(texts: Iterable[str]) -> float:
    """Return the expected input tokens of a conversation, with a few per message for its frame."""
    return sum(estimate_tokens(text) + TOKENS_PER_MESSAGE for text in texts)
