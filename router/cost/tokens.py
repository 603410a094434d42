"""How many input tokens a text will count, estimated without any vocabulary.

Here is one linear estimate over byte classes. Exact tokenizers and a ratio learnt from reported
usage are not here yet; what is billed is only ever what a provider reports.
"""

from collections.abc import Iterable

import numpy as np

from router.predict.features import BYTE_CLASS_NAMES, byte_class_counts

# Least squares with non-negative weights on relative error, over 14,700 public English prompts
# (half of routellm, mmlu_pro, bfcl and alpaca_eval) counted with o200k_base; on the other half the
# median error is 3.7 % and the 90th percentile 11 % (a quarter of the characters: 19 % and 43 %).
# The four classes outside ASCII are not in those data: they follow published characters-per-token
# figures for Cyrillic (about 3.7), Chinese, Japanese and Korean (about 2.1) and emoji.
_TOKENS_PER_BYTE = {
    "lower": 0.0279,
    "upper": 0.2012,
    "digit": 0.5688,
    "space": 0.0876,
    "newline": 1.1784,
    "math": 0.7068,
    "bracket": 0.8413,
    "quote": 0.4199,
    "stop": 0.7588,
    "question": 0.3932,
    "backslash": 0.8607,
    "other_ascii": 0.2646,
    "continuation": 0.0,
    "lead_2": 0.3,
    "lead_3": 0.48,
    "lead_4": 1.5,
}
_TOKENS_PER_WORD = 0.8076
_TOKENS_PER_MESSAGE = 4.0
_WEIGHTS = np.array([_TOKENS_PER_BYTE[name] for name in BYTE_CLASS_NAMES])


def estimate_tokens(text: str) -> float:
    """Return the expected token count of ``text`` (o200k_base), >= 0; 0 only for an empty text."""
    if not text:
        return 0.0
    counted = float(byte_class_counts(text) @ _WEIGHTS) + _TOKENS_PER_WORD * _count_words(text)
    return max(counted, 1.0)


def estimate_conversation_tokens(texts: Iterable[str]) -> float:
    """Return the expected input tokens of a conversation, with a few per message for its frame."""
    return sum(estimate_tokens(text) + _TOKENS_PER_MESSAGE for text in texts)


def _count_words(text: str) -> int:
    return len(text.split())
