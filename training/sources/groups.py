"""Duplicate groups: which prompts are the same question, so that a split never tears them apart.

Two prompts are one group when they are equal after normalisation or nearly so: Jaccard similarity
of their word shingles (Broder 1997), candidates from MinHash LSH, every candidate pair verified
exactly. Multiple-choice questions are compared by their stem, since the same question circulates
with four and with ten options. Groups are made here; splitting by them is ``eval.split``.
"""

import re
import sys
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datasketch import MinHash, MinHashLSH
from tqdm import tqdm

from router.errors import DataError

NEAR = 0.8
"""Least Jaccard similarity of two prompts of one group."""

SHINGLE_WORDS = 5
SHORT_WORDS = 12
"""Below this many words a text is compared as a set of words, not of shingles."""

STEM_WORDS = 12
"""A shorter stem ("Which of these is true?") says too little: its options must agree as well."""

SHARED_OPTIONS = 0.75
"""Share of the shorter option list that must stand in the longer one then."""

_PERMUTATIONS = 128
_SEED = 1
_CANDIDATE_SIMILARITY = 0.7
_BOUNDARY_WORDS = 20

_OPTION = re.compile(r"^[ \t]*(?:[-*][ \t]*)?\(?([A-P])[.):][ \t]*", re.MULTILINE)
_FURNITURE = re.compile(
    r"^[ \t#]*(?:choices|options|answer)[ \t]*:[ \t]*$", re.MULTILINE | re.IGNORECASE
)
_NOT_A_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class _Prompt:
    """A prompt as it is compared: its words (of the stem if that says enough) and its options."""

    whole: str
    stem: str
    words: tuple[str, ...]
    options: frozenset[str]


def normalise(text: str) -> str:
    """Return ``text`` in lower case, words separated by one space, everything else dropped."""
    folded = unicodedata.normalize("NFKC", _repaired(text)).casefold()
    return _NOT_A_WORD.sub(" ", folded).strip()


def _repaired(text: str) -> str:
    """Undo UTF-8 that was once read as Latin-1, which some published copies of a text carry."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def duplicate_groups(
    texts: Sequence[str],
    ids: Sequence[str],
    *,
    linked: Sequence[str] | None = None,
    progress: bool = False,
) -> list[str]:
    """Assign every prompt the name of its duplicate group.

    The result depends on the set of (text, id, link) only, not on their order, except that LSH
    may in principle miss a pair; a missed pair is missed in every run.

    Args:
        texts: n prompts.
        ids: n prompt ids; equal ids are one group.
        linked: n names, prompts of an equal non-empty name are one group whatever their texts
            (the turns of one conversation, a user's own groups).
        progress: Show bars on stderr.

    Returns:
        n group names: the smallest prompt id of the group.

    Raises:
        DataError: lists of different lengths.
    """
    if len(ids) != len(texts) or (linked is not None and len(linked) != len(texts)):
        raise DataError("texts, ids and links must be of one length")
    first: dict[str, int] = {}
    prompts: list[_Prompt] = []
    place: list[int] = []
    for text in tqdm(texts, desc="read prompts", disable=not progress, file=sys.stderr):
        if text not in first:
            first[text] = len(prompts)
            prompts.append(_parse(text))
        place.append(first[text])
    union = _Union(len(prompts))
    _link_equal(union, [prompt.whole for prompt in prompts])
    _link_by_name(union, place, ids)
    _link_by_name(union, place, linked or [])
    for one, other in _candidates(prompts, progress):
        if union.find(one) != union.find(other) and _same(prompts[one], prompts[other]):
            union.join(one, other)
    smallest: dict[int, str] = {}
    for where, prompt_id in zip(place, ids, strict=True):
        root = union.find(where)
        smallest[root] = min(smallest.get(root, prompt_id), prompt_id)
    return [smallest[union.find(where)] for where in place]


def _parse(text: str) -> _Prompt:
    text = _FURNITURE.sub("", text)
    marks = list(_OPTION.finditer(text))
    letters = "".join(mark.group(1) for mark in marks)
    # The last list that begins A, B: a question may itself list A, B, ... or I, II, ... before.
    marks = marks[letters.rfind("AB") :] if "AB" in letters else []
    if not marks:
        whole = normalise(text)
        return _Prompt(whole, "", tuple(whole.split()), frozenset())
    stem = normalise(text[: marks[0].start()])
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    options = [normalise(text[m.end() : end]) for m, end in zip(marks, ends, strict=True)]
    whole = " ".join((stem, *options))
    long_enough = len(stem.split()) >= STEM_WORDS
    words = tuple((stem if long_enough else whole).split())
    return _Prompt(whole, "" if long_enough else stem, words, frozenset(options))


def _features(words: tuple[str, ...], *, as_words: bool) -> frozenset[str]:
    if as_words:
        return frozenset(words)
    last = len(words) - SHINGLE_WORDS + 1
    return frozenset(" ".join(words[i : i + SHINGLE_WORDS]) for i in range(last))


def _same(one: _Prompt, other: _Prompt) -> bool:
    if one.stem and one.stem == other.stem:
        shared = len(one.options & other.options)
        if shared >= SHARED_OPTIONS * min(len(one.options), len(other.options)):
            return True
    as_words = min(len(one.words), len(other.words)) < SHORT_WORDS
    a, b = _features(one.words, as_words=as_words), _features(other.words, as_words=as_words)
    return bool(a) and len(a & b) >= NEAR * len(a | b)


def _candidates(prompts: Sequence[_Prompt], progress: bool) -> Iterable[tuple[int, int]]:
    """Yield pairs that may be near duplicates, each with the smaller index second."""
    stems: dict[str, list[int]] = defaultdict(list)
    indexes = [_Index(as_words=False), _Index(as_words=True)]
    for at, prompt in enumerate(
        tqdm(prompts, desc="compare prompts", disable=not progress, file=sys.stderr)
    ):
        found = set(stems[prompt.stem]) if prompt.stem else set()
        if prompt.stem:
            stems[prompt.stem].append(at)
        for index in indexes:
            found.update(index.add(at, prompt.words))
        yield from ((at, earlier) for earlier in sorted(found))


class _Index:
    """LSH over shingles, or over the words of short texts; the two overlap in length."""

    def __init__(self, *, as_words: bool) -> None:
        self._as_words = as_words
        self._lsh = MinHashLSH(
            threshold=_CANDIDATE_SIMILARITY, num_perm=_PERMUTATIONS, weights=(0.2, 0.8)
        )
        self._template = MinHash(num_perm=_PERMUTATIONS, seed=_SEED, hashfunc=zlib.crc32)

    def add(self, at: int, words: tuple[str, ...]) -> list[int]:
        """Insert a text and return the earlier ones that may be near it."""
        if self._as_words and len(words) >= _BOUNDARY_WORDS:
            return []
        if not self._as_words and len(words) < SHORT_WORDS:
            return []
        sketch = self._template.copy()
        sketch.update_batch([f.encode() for f in _features(words, as_words=self._as_words)])
        found = [int(key) for key in self._lsh.query(sketch)]
        self._lsh.insert(at, sketch, check_duplication=False)
        return found


class _Union:
    """Union-find over 0 .. n-1; the smaller root wins."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, item: int) -> int:
        """Return the root of an item, shortening the way there."""
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        """Make the groups of two items one."""
        a, b = self.find(one), self.find(other)
        self._parent[max(a, b)] = min(a, b)


def _link_equal(union: _Union, keys: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for at, key in enumerate(keys):
        union.join(first.setdefault(key, at), at)


def _link_by_name(union: _Union, place: Sequence[int], names: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for where, name in zip(place, names, strict=False):
        if name:
            union.join(first.setdefault(name, where), where)
