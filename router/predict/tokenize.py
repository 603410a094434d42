"""Text to token ids, the same ids as the encoder's own tokenizer, several times faster.

The tokenizer library spends most of its time normalising characters it has seen a thousand times.
BERT-style tokenization works word by word, so the pieces of a word can be remembered. Here is only
that memory; whether the ids are equal is a property test, and any text the shortcut does not
cover goes to the library.
"""

import re
from itertools import chain
from pathlib import Path

from tokenizers import Tokenizer

from router.errors import ArtifactError

_ASCII_WORD = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")
_CHUNK = re.compile(r"[^ \t\n\r]+")
# Lower case, and no control characters: what BERT's normalizer does to ASCII text.
_ASCII_NORMAL = {
    **{code: None for code in (*range(32), 127) if chr(code) not in "\t\n\r"},
    **{ord(letter): ord(letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
}
_LONGEST_REMEMBERED = 32
_MOST_REMEMBERED = 100_000


class WordTokenizer:
    """Token ids of a text, with the pieces of each word remembered.

    Safe to call from several threads: the memory is a dict whose entries never change once
    written, and it stops growing at a fixed size.

    Args:
        path: ``tokenizer.json`` of a lower-casing BERT WordPiece tokenizer.
        max_tokens: Ids kept of a text, half from its start and half from its end when it is
            longer.
        adds_special_tokens: Wrap the ids as the tokenizer's own template does ([CLS] ... [SEP]).

    Raises:
        ArtifactError: the file is not a tokenizer.
    """

    def __init__(self, path: Path, max_tokens: int, *, adds_special_tokens: bool = False) -> None:
        try:
            self._library = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise ArtifactError(
                f"{path}: not a tokenizer file ({error}); restore the artifact directory",
                reason="ARTIFACT_TOKENIZER",
                metadata={"file": str(path)},
            ) from error
        self._library.no_truncation()
        self._library.no_padding()
        # "[SEP]" written in a prompt is text, not a control token.
        self._library.encode_special_tokens = True
        self._prefix, self._suffix = self._special_ids() if adds_special_tokens else ([], [])
        self._max_tokens = max_tokens - len(self._prefix) - len(self._suffix)
        self._pieces: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """Return at most ``max_tokens`` ids of ``text``."""
        if text.isascii():
            words = _ASCII_WORD.findall(text.translate(_ASCII_NORMAL))
        else:
            words = _CHUNK.findall(text)
        try:
            ids = list(chain.from_iterable(map(self._pieces.__getitem__, words)))
        except KeyError:
            ids = list(chain.from_iterable(map(self._look_up, words)))
        if len(ids) > self._max_tokens:
            half = self._max_tokens // 2
            ids = ids[:half] + ids[-(self._max_tokens - half) :]
        return self._prefix + ids + self._suffix if self._suffix else ids

    def _special_ids(self) -> tuple[list[int], list[int]]:
        """Return the ids the tokenizer's template puts before and after a text."""
        plain = self.encode_slowly("a")
        wrapped: list[int] = self._library.encode("a", add_special_tokens=True).ids
        start = wrapped.index(plain[0])
        return wrapped[:start], wrapped[start + len(plain) :]

    def encode_slowly(self, text: str) -> list[int]:
        """Return all ids of ``text`` as the library alone gives them; the reference for tests.

        Lone surrogates, which the library refuses, are read as "?", as in the text features.
        """
        readable = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = self._library.encode(readable, add_special_tokens=False).ids
        return ids

    def _look_up(self, word: str) -> list[int]:
        pieces = self._pieces.get(word)
        if pieces is None:
            pieces = self.encode_slowly(word)
            if len(word) <= _LONGEST_REMEMBERED and len(self._pieces) < _MOST_REMEMBERED:
                self._pieces[word] = pieces
        return pieces
