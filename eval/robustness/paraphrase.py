"""A paraphrase by rule, in English only: other words for common ones, in the same places.

It is crude on purpose. It knows no grammar, so only exchanges that keep a sentence a sentence are
listed; a prompt without any of these words is left as it is and is not counted.
"""

import re

_EXCHANGES = {
    "what is": "what's",
    "find": "determine",
    "calculate": "work out",
    "compute": "work out",
    "write": "compose",
    "explain": "describe",
    "translate": "render",
    "summarize": "sum up",
    "summarise": "sum up",
    "classify": "categorise",
    "extract": "pull out",
    "pull": "extract",
    "give": "provide",
    "show": "demonstrate",
    "prove": "give a proof",
    "how many": "what number of",
    "each": "every",
    "total": "overall",
    "sentence": "phrase",
    "text": "passage",
    "reply": "answer",
    "choose": "pick",
    "following": "below",
    "must": "has to",
    "because": "since",
    "but": "yet",
    "also": "in addition",
    "begin": "start",
    "buy": "purchase",
    "buys": "purchases",
    "need": "require",
    "needs": "requires",
    "help": "assist",
    "about": "roughly",
    "big": "large",
    "small": "little",
    "quick": "fast",
    "wrong": "incorrect",
    "correct": "right",
    "make": "produce",
    "makes": "produces",
    "get": "obtain",
    "gets": "obtains",
    "people": "persons",
    "per": "for every",
}
_WORDS = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, _EXCHANGES), key=len, reverse=True)) + r")\b",
    re.IGNORECASE,
)


def paraphrase(text: str) -> str:
    """Return the text with every listed word or pair of words exchanged, capitals kept."""
    return _WORDS.sub(_exchanged, text)


def _exchanged(found: re.Match[str]) -> str:
    old = found.group()
    new = _EXCHANGES[old.lower()]
    return new[0].upper() + new[1:] if old[0].isupper() else new
