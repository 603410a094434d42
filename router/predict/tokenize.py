"""Text to token ids, the same ids as the encoder's own tokenizer, many times faster.

The tokenizer library spends most of its time normalising characters it has seen a thousand times.
BERT-style tokenization works between white space, so the ids of what stands there can be
remembered. Here is only that memory; whether the ids are equal is a property test.
"""

import re
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from router.errors import ArtifactError

# Python splits at these, BERT's normalizer deletes them and so joins what they separate.
_DELETED_SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\x1f\x85"
_WITHOUT_SEPARATORS = {ord(separator): None for separator in _DELETED_SEPARATORS}
_ASCII_WORD = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")
# Lower case, and no control characters: what BERT's normalizer does to ASCII text.
_ASCII_NORMAL = {
    **{code: None for code in (*range(32), 127) if chr(code) not in "\t\n\r"},
    **{ord(letter): ord(letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
}
_LONGEST_REMEMBERED = 32
_MOST_REMEMBERED = 100_000

TokenIds = npt.NDArray[np.int64]


class _ChunkMemory(dict[str, bytes]):
    """Ids of each piece of text between white space, as int64 bytes; a new one is worked out.

    Bytes, because joining them and looking at the result as an array is eight times faster than
    chaining lists of int (9 against 72 microseconds for 500 ids), and takes a quarter of the room.
    """

    def __init__(self, tokenizer: "WordTokenizer") -> None:
        super().__init__()
        self._ids_of = tokenizer.ids_of_chunk

    def __missing__(self, chunk: str) -> bytes:
        ids = np.array(self._ids_of(chunk), dtype=np.int64).tobytes()
        if len(chunk) <= _LONGEST_REMEMBERED and len(self) < _MOST_REMEMBERED:
            self[chunk] = ids
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
        prefix, suffix = self._special_ids() if adds_special_tokens else ([], [])
        self._prefix = np.array(prefix, dtype=np.int64)
        self._suffix = np.array(suffix, dtype=np.int64)
        self._max_tokens = max_tokens - len(prefix) - len(suffix)
        self._pieces: dict[str, list[int]] = {}
        self._chunks = _ChunkMemory(self)

    def encode(self, text: str) -> list[int]:
        """Return at most ``max_tokens`` ids of ``text``."""
        ids: list[int] = self.encode_words(text, text.split()).tolist()
        return ids

    def encode_words(self, text: str, words: list[str]) -> TokenIds:
        """Return at most ``max_tokens`` ids of a text whose ``text.split()`` is known.

        Returns:
            int64, shape (n,), not to be written to.
        """
        if any(map(text.__contains__, _DELETED_SEPARATORS)):
            words = text.translate(_WITHOUT_SEPARATORS).split()
        ids = np.frombuffer(b"".join(map(self._chunks.__getitem__, words)), dtype=np.int64)
        if len(ids) > self._max_tokens:
            half = self._max_tokens // 2
            ids = np.concatenate((ids[:half], ids[len(ids) - (self._max_tokens - half) :]))
        return np.concatenate((self._prefix, ids, self._suffix)) if len(self._suffix) else ids

    def ids_of_chunk(self, chunk: str) -> list[int]:
        """Return the ids of text without white space."""
        if not chunk.isascii():
            return self.encode_slowly(chunk)
        words = _ASCII_WORD.findall(chunk.translate(_ASCII_NORMAL))
        return list(chain.from_iterable(map(self._look_up, words)))

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
