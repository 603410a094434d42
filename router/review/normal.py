"""One spelling for equal final answers: numbers, LaTeX, short phrases, JSON and code.

Pure text to text. Finding the final answer in a longer text is ``router.review.final``.
"""

import json
import re
from fractions import Fraction

_MAX_DIGITS = 60
_DROPPED = re.compile(
    r"\\(?:left|right|displaystyle|,|!|;|:|quad|qquad|mathrm|mathbf|text|textbf|mbox|operatorname)"
    r"(?![a-z])|\\ |\^\{?\\circ\}?|\\degree|[$€£¥]|\\[$%]|%"
)
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\[dt]?frac(\d)(\d)")
_WRAPPED = re.compile(r"^\{(.*)\}$|^\\\((.*)\\\)$|^\\\[(.*)\\\]$", re.DOTALL)
_NAMED = re.compile(r"^[A-Za-z](?:\([a-z]\))?\s*=\s*")
_THOUSANDS = re.compile(r"(?<=\d)[,\u202f\u00a0'_](?=\d{3}(?!\d))")
_PLAIN = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,2})?"
_NUMBER = re.compile(rf"^\(?({_PLAIN})\)?(?:\s*/\s*\(?({_PLAIN})\)?)?(.*)$", re.DOTALL)
_MIXED = re.compile(r"^([-+]?\d+)\s+(\d+)\s*/\s*(\d+)$")
_UNIT = re.compile(r"^\s*[^\W\d_][^\d=+*/^\\<>]*$")
_SIGNS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00d7": "*", "\u2044": "/"})
_SPACES = re.compile(r"\s+")
_COMMENT = re.compile(r"(?:#|//)[^\n]*$", re.MULTILINE)


def number_of(text: str) -> Fraction | None:
    """Return the one number a short text states, exactly; None if it states none or more.

    Thousands separators, currency, percent signs, a unit behind the number, LaTeX wrapping, a
    name before "=" and a closing full stop do not matter: "1,000", "1000.0", "$1000" and
    "1000 apples" are equal. A percent sign is read as a unit, so "50%" is 50, not 0.5.
    """
    plain = _NAMED.sub("", latex_free(text)).rstrip(".").strip()
    plain = _THOUSANDS.sub("", plain)
    if len(plain) > _MAX_DIGITS * 3:
        return None
    mixed = _MIXED.match(plain)
    if mixed:
        whole, top, bottom = (int(part) for part in mixed.groups())
        if not bottom:
            return None
        part = Fraction(top, bottom)
        return whole - part if mixed[1].startswith("-") else whole + part
    found = _NUMBER.match(plain)
    if not found or len(found[1]) > _MAX_DIGITS:
        return None
    value, divisor, rest = found.groups()
    if rest.strip() and not _UNIT.match(rest):
        return None
    result = Fraction(value)
    if divisor is not None:
        if len(divisor) > _MAX_DIGITS or not Fraction(divisor):
            return None
        result /= Fraction(divisor)
    return result


def spelled(number: Fraction) -> str:
    """Return the one spelling of a number: an integer, or a reduced fraction."""
    return f"{number.numerator}/{number.denominator}".removesuffix("/1")


def latex_free(text: str) -> str:
    r"""Return a short text without LaTeX's wrapping: "\dfrac{1}{2}" becomes "(1)/(2)"."""
    plain = text.translate(_SIGNS).strip().strip("*`\"'").strip()
    plain = _DROPPED.sub(" ", plain)
    plain = _SHORT_FRACTION.sub(r"(\1)/(\2)", plain)
    for _ in range(4):  # innermost first; deeper nesting stays as it is
        plain, changed = _FRACTION.subn(r"(\1)/(\2)", plain)
        if not changed:
            break
    plain = _SPACES.sub(" ", plain).strip()
    wrapped = _WRAPPED.match(plain)
    if wrapped:
        return next(part for part in wrapped.groups() if part is not None).strip()
    return plain


def phrase(text: str) -> str:
    """Return a short answer without what spelling varies: spaces, case, wrapping, full stop."""
    plain = _NAMED.sub("", latex_free(text)).casefold().rstrip(".!")
    return re.sub(r"[\s{}\\]", "", _THOUSANDS.sub("", plain))


def canonical_json(value: object) -> str:
    """Return JSON with sorted keys, no spaces, and numbers in one spelling (1.0 is 1)."""
    return json.dumps(
        _plain_numbers(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


def plain_code(text: str) -> str:
    """Return code without comments to a line's end, blank lines, and spaces that end a line."""
    lines = (_COMMENT.sub("", line).rstrip() for line in text.expandtabs(4).splitlines())
    return "\n".join(line for line in lines if line)


def _plain_numbers(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
