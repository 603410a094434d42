"""How a text is put together, as far as tokenizers cut by it: counts of a few places in it.

Tokenizers first cut a text where letters, digits, marks and white space meet, and long numbers
every three digits. What the places weigh stands in ``weights``.
"""

from typing import NamedTuple


class Shape(NamedTuple):
    """Counts in one text, none of which falls when the text grows at its end.

    Attributes:
        digit_groups: Pieces of at most three digits that its numbers are cut into.
        marked_ends: Marks that follow an ASCII letter, as in ``a(`` or ``a.``.
        line_ends: Line ends that follow one.
        indents: Line ends that white space follows.
    """

    digit_groups: int
    marked_ends: int
    line_ends: int
    indents: int


def _class_of(byte: int) -> str:
    character = chr(byte)
    if byte >= 0x80:
        return "x"
    if character.isalpha():
        return "a"
    if character.isdigit():
        return "0"
    if character in "\r\n":
        return "\n"
    return "." if byte > ord(" ") else " "


CLASS_OF_BYTE = "".join(map(_class_of, range(256))).encode("ascii")
"""Of each byte: letter (a), digit (0), line end (\\n), other white space, mark (.) or other (x)."""


def shape_of(encoded: bytes) -> Shape:
    """Count the places of a text, given in UTF-8."""
    classes = encoded.translate(CLASS_OF_BYTE)
    has_lines = b"\n" in classes  # looking for one byte takes a tenth of counting pairs
    return Shape(
        _digit_groups(classes) if b"0" in classes else 0,
        classes.count(b"a."),
        classes.count(b"a\n") if has_lines else 0,
        classes.count(b"\n ") if has_lines else 0,
    )


def _digit_groups(classes: bytes) -> int:
    threes = classes.count(b"000")
    rest = classes.replace(b"000", b" ") if threes else classes  # runs of one or two digits
    return threes + rest.count(b"0") - rest.count(b"00")
