"""Texts and bytes that are no text into the kernel: alike Python, and never beyond the end.

What lies beyond the end of a text only shows in a kernel that was built with a sanitizer, which
ends the process: docs/operations.md says how. How inputs are tried is ``fuzz``.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.hard.fuzz import Trial
from bench.hard.mutate import spoilt
from bench.texts import make_prompt
from router.catalog import load_catalog
from router.compiled import KERNEL, REASON
from router.cost.shape import shape_of
from router.defaults import default_artifact_directory, default_catalog_path
from router.engine import build_engine
from router.errors import NotReadyError
from router.predict.artifact import load_artifact
from router.predict.features import features_of
from router.predict.reading import read, read_in_numpy
from router.predict.tokenize import WordTokenizer
from router.server.answer import Answers
from router.types import Message, Request

_PIECES = (
    " ", "\n", "\t", "\x1c", "\x0b", "\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u3000", "\x00",
    "\x7f", "é", "e\u0301", "中文", "🙂", "٣", "\ud800", "don't", "NOT", "\n(A) ", "\nB.", '":',
    '",', "```", "12", "345678", "-" * 8, "x" * 99, "z" * 120, "[SEP]", "##ing", "ing",
    "\U0010ffff", "ÿ",
)  # fmt: skip
_LIMITS = (1, 2, 7, 64)


@contextlib.contextmanager
def kernel_trial() -> Iterator[Trial]:
    """Return trials of reading, of taking apart and of deciding.

    Raises:
        NotReadyError: there is no kernel.
    """
    if KERNEL is None:
        raise NotReadyError(f"there is no compiled kernel to try: {REASON}")
    artifact = load_artifact(default_artifact_directory())
    catalog = load_catalog(default_catalog_path())
    path = artifact.directory / "tokenizer.json"
    ours, theirs = (build_engine(artifact, catalog) for _ in range(2))
    object.__setattr__(theirs, "line", None)  # decides in Python
    answers = Answers(catalog, artifact.version, artifact.length_bounds)

    def decide(text: str) -> None:
        request = Request((Message("user", text),))
        decision, known = ours.route(request), theirs.route(request)
        _require(decision[1:] == known[1:], "decided otherwise")
        answer = answers.write(decision, "")
        _require(answer.deployment == decision.chosen.deployment.id, "another answer")

    yield _trial([_both(path, limit) for limit in _LIMITS], decide)


def _both(path: Path, limit: int) -> tuple[WordTokenizer, WordTokenizer]:
    return WordTokenizer(path, limit), WordTokenizer(path, limit, compiled=False)


def _trial(
    tokenizers: list[tuple[WordTokenizer, WordTokenizer]], decide: Callable[[str], None]
) -> Trial:
    def trial(generator: random.Random) -> tuple[str, Any, Callable[[], None]]:
        text = _text(generator)
        ours, theirs = generator.choice(tokenizers)
        if generator.random() < 0.3:
            raw = spoilt(text.encode("utf-8", "replace"), [b"\xe2\x80\xc2\xf0"], generator)
            return "bytes", raw, lambda: _take_apart(ours, raw)

        def work() -> None:
            reading, known = read(text), read_in_numpy(text)
            _require(reading[2:10] == known[2:10], "read otherwise")
            _require(features_of(reading) == features_of(known), "other features")
            _require(reading.shape in (None, shape_of(known.encoded)), "another shape")
            ids = ours.encode_reading(reading)
            _require(ids.tolist() == theirs.encode_reading(known).tolist(), "other ids")
            decide(text)

        return "text", text, work

    return trial


def _require(alike: bool, what: str) -> None:
    if not alike:
        raise RuntimeError(f"the kernel and Python differ: {what}")


def _take_apart(tokenizer: WordTokenizer, raw: bytes) -> None:
    """Hand over bytes that need not be UTF-8; an error is as good as an answer."""
    pieces: Any = tokenizer._kernel  # noqa: SLF001 - otherwise its bytes are always UTF-8
    with contextlib.suppress(IndexError, ValueError):  # UnicodeDecodeError is one
        pieces.ids(raw, lambda text: bytes(8 * len(text)))


def _text(generator: random.Random) -> str:
    match generator.randrange(4):
        case 0:
            return make_prompt(generator, generator.choice((1, 20, 300)))
        case 1:
            codes = generator.choices(range(0x110000), k=generator.randrange(40))
            return "".join(map(chr, codes))
        case 2:
            pieces = (*_PIECES, *map(chr, range(128)))
            return "".join(generator.choices(pieces, k=generator.randrange(60)))
        case _:
            piece = "".join(generator.choices(_PIECES, k=generator.randint(1, 4)))
            return piece * generator.choice((1, 63, 64, 65, 128, 129, 600))
