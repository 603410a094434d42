"""Text to token ids, the same ids as the encoder's own tokenizer, many times faster.

The tokenizer library spends most of its time normalising characters it has seen a thousand times.
BERT-style tokenization works between white space, so the ids of what stands there can be
remembered. Here is only that memory; whether the ids are equal is a property test.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from router.errors import ArtifactError
from router.predict.byte_counts import RARE_SPACE
from router.predict.reading import END_WORDS, Reading, read
from router.predict.wordpiece import (
    ASCII_NORMAL,
    IN_WORD,
    WordPiece,
    as_bytes,
    ids_of_word,
    kernel_for,
)

# Python splits at these, BERT's normalizer deletes them and so joins what they separate.
_WITHOUT_SEPARATORS = {ord(separator): None for separator in RARE_SPACE}
_ASCII_WORD = re.compile(rf"{IN_WORD.pattern}+|[^\sa-z0-9]")
_LONGEST_REMEMBERED = 32
_MOST_REMEMBERED = 100_000
_ID_BYTES = 8

TokenIds = npt.NDArray[np.int64]


class _Memory(dict[str, bytes]):
    """Ids of texts as int64 bytes; those of a text that is not there yet are worked out.

    Bytes, because joining them and looking at the result as an array is twice as fast as chaining
    lists of int and making an array of that (35 against 72 microseconds for 500 ids), and takes a
    quarter of the room.
    """

    def __init__(self, ids_of: Callable[[str], bytes]) -> None:
        super().__init__()
        self._ids_of = ids_of

    def __missing__(self, text: str) -> bytes:
        ids = self._ids_of(text)
        if len(text) <= _LONGEST_REMEMBERED and len(self) < _MOST_REMEMBERED:
            self[text] = ids
        return ids


class WordTokenizer:
    """Token ids of a text, remembered twice: of each word, and of each chunk with its punctuation.

    A chunk is what stands between white space, such as ``"Hello,"``; one that is new is put
    together from its words. Safe to call from several threads: the memories are dicts whose
    entries never change once written, and they stop growing at a fixed size.

    Args:
        path: ``tokenizer.json`` of a lower-casing BERT WordPiece tokenizer.
        max_tokens: Ids kept of a text, half from its start and half from its end when it is
            longer.
        adds_special_tokens: Wrap the ids as the tokenizer's own template does ([CLS] ... [SEP]).
        content: Of the file; by default it is read anew.
        compiled: Whether the kernel may take texts apart, if there is one.

    Raises:
        ArtifactError: the file is not a tokenizer, or not of WordPiece.
    """

    def __init__(
        self,
        path: Path,
        max_tokens: int,
        *,
        adds_special_tokens: bool = False,
        content: bytes | None = None,
        compiled: bool = True,
    ) -> None:
        try:
            self._library = Tokenizer.from_buffer(path.read_bytes() if content is None else content)
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
        model = json.loads(self._library.to_str())["model"]
        if model["type"] != "WordPiece":
            raise ArtifactError(
                f"{path}: a {model['type']} tokenizer; this release reads WordPiece: rebuild the "
                "encoder with 'make encoder'",
                reason="ARTIFACT_TOKENIZER",
                metadata={"file": str(path)},
            )
        prefix, suffix = self._special_ids() if adds_special_tokens else ([], [])
        self._prefix, self._suffix = as_bytes(prefix), as_bytes(suffix)
        self._max_tokens = max_tokens - len(prefix) - len(suffix)
        self._start = self._max_tokens // 2
        self._end = self._max_tokens - self._start
        # Plain functions of what they need: memories that held the tokenizer would keep it, and
        # megabytes with it, until the collector comes by.
        self._pieces = _Memory(partial(ids_of_word, WordPiece.of(model)))
        self._chunks = _Memory(partial(_ids_of_chunk, self._pieces, self._library))
        self._kernel = kernel_for(WordPiece.of(model), self._max_tokens) if compiled else None

    def in_kernel(self) -> tuple[Any, Callable[[str], bytes]] | None:
        """Return what takes texts apart in the kernel, and what it asks for other than ASCII.

        None where there is no kernel, or ids are put around those of a text.
        """
        if self._kernel is None or self._prefix or self._suffix:
            return None
        return self._kernel, self._chunks.__getitem__

    def encode(self, text: str) -> list[int]:
        """Return at most ``max_tokens`` ids of ``text``."""
        ids: list[int] = self.encode_reading(read(text)).tolist()
        return ids

    def encode_reading(self, reading: Reading) -> TokenIds:
        """Return at most ``max_tokens`` ids of a text that is read already.

        Returns:
            int64, shape (n,), not to be written to.
        """
        text, words = reading.text, reading.words
        if reading.rare_space and any(map(text.__contains__, RARE_SPACE)):
            ids = self._bounded(text.translate(_WITHOUT_SEPARATORS).split())
        elif self._kernel is not None:
            ids = self._kernel.ids(reading.encoded, self._chunks.__getitem__)
        elif words is None:
            ids = self._bounded(text.split())
        elif len(words) == reading.n_words:
            ids = self._bounded(words)
        else:
            ends = self._ids_of_ends(words[:END_WORDS], words[END_WORDS:])
            ids = self._bounded(text.split()) if ends is None else ends
        if self._suffix:
            ids = b"".join((self._prefix, ids, self._suffix))
        return np.frombuffer(ids, np.int64)

    def _bounded(self, words: list[str]) -> bytes:
        """Return the ids of all words of a text, those in the middle left out where too many."""
        if len(words) > self._max_tokens:
            ends = self._ids_of_ends(words, words)
            if ends is not None:
                return ends
        ids = self._ids_of_words(words)
        if len(ids) <= self._max_tokens * _ID_BYTES:
            return ids
        return ids[: self._start * _ID_BYTES] + ids[-self._end * _ID_BYTES :]

    def _ids_of_ends(self, first: list[str], last: list[str]) -> bytes | None:
        """Return the ids of a long text's ends; None if these words have too few.

        Nearly every word has an id, so what stands further inside need not be looked up.
        """
        start = self._ids_of_words(first[: self._start])
        end = self._ids_of_words(last[-self._end :])
        most_start, most_end = self._start * _ID_BYTES, self._end * _ID_BYTES
        if len(start) < most_start or len(end) < most_end:
            return None
        return start[:most_start] + end[-most_end:]

    def _ids_of_words(self, words: list[str]) -> bytes:
        """Return the ids as the bytes they are remembered in; all cutting is done on these."""
        return b"".join(map(self._chunks.__getitem__, words))

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
        return _ids_by_library(self._library, text)


def _ids_by_library(library: Tokenizer, text: str) -> list[int]:
    readable = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    ids: list[int] = library.encode(readable, add_special_tokens=False).ids
    return ids


def _ids_of_chunk(pieces: _Memory, library: Tokenizer, chunk: str) -> bytes:
    """Return the ids of text without white space."""
    if not chunk.isascii():
        return as_bytes(_ids_by_library(library, chunk))
    if chunk.isalnum():
        return pieces[chunk.lower()]
    words = _ASCII_WORD.findall(chunk.translate(ASCII_NORMAL))
    return b"".join(map(pieces.__getitem__, words))
