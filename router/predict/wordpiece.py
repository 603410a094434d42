"""WordPiece: a word of ASCII to the longest pieces of a vocabulary that make it up.

How a text comes apart into words, and what is remembered of them, is ``tokenize``.
"""

import re
from array import array
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from router.compiled import KERNEL

IN_WORD = re.compile("[a-z0-9]")
# Lower case, and no control characters: what BERT's normalizer does to ASCII text.
ASCII_NORMAL = {
    **{code: None for code in (*range(32), 127) if chr(code) not in "\t\n\r"},
    **{ord(letter): ord(letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
}


class WordPiece(NamedTuple):
    """What the longest pieces of a word depend on."""

    vocabulary: Mapping[str, int]
    unknown: bytes
    continuing: str
    longest_word: int

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> Self:
        """Return it of the ``model`` of a ``tokenizer.json``."""
        vocabulary: dict[str, int] = model["vocab"]
        return cls(
            vocabulary,
            as_bytes([vocabulary[model["unk_token"]]]),
            model["continuing_subword_prefix"],
            model["max_input_chars_per_word"],
        )


def as_bytes(ids: list[int]) -> bytes:
    """Return ids as int64 in bytes."""
    return array("q", ids).tobytes()


def ids_of_word(model: WordPiece, word: str) -> bytes:
    """Return the longest pieces of the vocabulary that make up a lower-case ASCII word.

    This is WordPiece as in BERT (arXiv:1810.04805). The library's own does more before it and
    takes one and a half to three times as long for a word.
    """
    if len(word) > model.longest_word:
        return model.unknown
    ids = array("q")
    start, size = 0, len(word)
    while start < size:
        prefix = model.continuing if start else ""
        for end in range(size, start, -1):
            piece = model.vocabulary.get(prefix + word[start:end])
            if piece is not None:
                ids.append(piece)
                start = end
                break
        else:
            return model.unknown
    return ids.tobytes()


def kernel_for(model: WordPiece, max_tokens: int) -> Any:
    """Return what takes texts apart in the kernel; None if there is none, or not for this model."""
    if KERNEL is None or not 0 < model.longest_word <= KERNEL.LONGEST_WORD or max_tokens < 1:
        return None
    # Words of ASCII are all that is looked up there.
    ids = {piece.encode(): one for piece, one in model.vocabulary.items() if piece.isascii()}
    prefix = model.continuing.encode()
    continuing = {
        piece[len(prefix) :]: one
        for piece, one in ids.items()
        if piece.startswith(prefix) and len(piece) > len(prefix)
    }
    ids.pop(b"", None)
    normal = bytes(ASCII_NORMAL.get(code, code) or 0 for code in range(256))
    inside = bytes(IN_WORD.match(chr(code)) is not None for code in range(256))
    (unknown,) = array("q", model.unknown)
    return KERNEL.Pieces(ids, continuing, unknown, model.longest_word, normal, inside, max_tokens)
