"""A digest: what the service needs to know of a model's answer, so that its text may stay away.

Made where the answer is, by ``digest_of``; pure, NumPy only. A hash of a short final answer can be
guessed by trying likely answers: give a secret key to prevent that. Comparing is
``router.review.compare``.
"""

import hashlib
import re
from dataclasses import dataclass
from math import log1p

from router.cost.tokens import estimate_tokens
from router.review.final import Final, Kind, final_answer
from router.review.normal import number_of

ANSWER_FEATURES_VERSION = 1
ANSWER_FEATURE_NAMES: tuple[str, ...] = (
    "log_tokens",
    "log_chars",
    "log_newlines",
    "log_numbers",
    "log_equations",
    "log_latex",
    "hedges",
    "starts_over",
    "repeated_lines_share",
    "final_is_number",
    "final_is_short_text",
    "final_is_integer",
    "final_log_size",
    "final_is_negative",
    "final_said_before",
)
_HASH_CHARS = 24
_MOST_KEY_BYTES = 64
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_HEDGES = re.compile(
    r"\b(?:approximately|about|assum\w+|perhaps|maybe|unclear|not sure|seems?|estimate\w*|"
    r"cannot be determined|not enough information|should be)\b",
    re.IGNORECASE,
)
_STARTS_OVER = re.compile(
    r"\b(?:however|wait|actually|mistake|incorrect|re-?evaluate|re-?examine|reconsider|correction|"
    r"try again|let's check|but this|apologi\w+)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"^\W*(?:i(?:'|\u2019)?m sorry|i am sorry|sorry,|i apologi[sz]e|i can(?:'|\u2019)?t|i cannot|"
    r"i(?:'|\u2019)?m (?:not able|unable)|i am (?:not able|unable)|i won(?:'|\u2019)?t|"
    r"as an ai(?: language model)?,? i (?:can|do|am))",
    re.IGNORECASE,
)
_LONGEST_REFUSAL = 600


@dataclass(frozen=True, slots=True)
class Digest:
    """What is known of one answer.

    Attributes:
        kind: Kind of the final answer.
        final_hash: Hash of the final answer in one spelling; empty for ``EMPTY`` and ``TEXT``.
            Keyed and plain hashes start differently and are never compared.
        features: ``ANSWER_FEATURE_NAMES``, in that order, all finite.
        token_count: Output tokens, >= 0; estimated from the text where not given.
        refused: The text reads like a refusal (English phrases only).
        vector: Encoder vector of the text, for free text only; empty if there is none.
    """

    kind: Kind
    final_hash: str
    features: tuple[float, ...]
    token_count: int
    refused: bool = False
    vector: tuple[float, ...] = ()


def digest_of(
    text: str,
    token_count: int | None = None,
    *,
    key: bytes = b"",
    vector: tuple[float, ...] = (),
) -> Digest:
    """Make the digest of an answer.

    Args:
        text: The answer as it came from the model.
        token_count: Output tokens the provider reported, >= 0; None estimates them.
        key: Secret of the application, at most 64 bytes; the same for all answers it compares.
        vector: Encoder vector of the text; kept only for free text, where nothing else compares.
    """
    final = final_answer(text)
    tokens = round(estimate_tokens(text)) if token_count is None else token_count
    return Digest(
        kind=final.kind,
        final_hash=final_hash(final, key),
        features=answer_features(text, final, tokens),
        token_count=tokens,
        refused=is_refusal(text),
        vector=vector if final.kind is Kind.TEXT else (),
    )


def final_hash(final: Final, key: bytes = b"") -> str:
    """Return the hash of a final answer: "p" or, with a key, "k" and 24 hex digits (BLAKE2b)."""
    if final.kind in (Kind.EMPTY, Kind.TEXT):
        return ""
    content = f"{final.kind.name}:{final.text}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(content, digest_size=_HASH_CHARS // 2, key=key[:_MOST_KEY_BYTES])
    return ("k" if key else "p") + digest.hexdigest()


def is_refusal(text: str) -> bool:
    """Say whether a short text opens like a refusal. English phrases; others are not noticed."""
    return len(text) <= _LONGEST_REFUSAL and bool(_REFUSAL.match(text))


def answer_features(text: str, final: Final, token_count: int) -> tuple[float, ...]:
    """Return ``ANSWER_FEATURE_NAMES`` of one answer, logs natural."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    number = number_of(final.text) if final.kind is Kind.NUMBER else None
    numbers = _NUMBER.findall(text)
    return (
        log1p(token_count),
        log1p(len(text)),
        log1p(text.count("\n") + text.count("\\n")),
        log1p(len(numbers)),
        log1p(text.count("=")),
        log1p(text.count("\\")),
        log1p(len(_HEDGES.findall(text))),
        log1p(len(_STARTS_OVER.findall(text))),
        1.0 - len(set(lines)) / len(lines) if lines else 0.0,
        float(number is not None),
        float(final.kind in (Kind.PHRASE, Kind.CHOICE)),
        float(number is not None and number.denominator == 1),
        0.0 if number is None else min(log1p(abs(float(number))), 30.0),
        float(number is not None and number < 0),
        0.0 if number is None else float(_said_before(numbers, float(number))),
    )


def _said_before(numbers: list[str], value: float) -> bool:
    """Say whether the number stands in the text once more than as the final answer."""
    seen = 0
    for number in numbers:
        plain = number.replace(",", "")
        seen += plain.count(".") < 2 and float(plain) == abs(value)
    return seen > 1
