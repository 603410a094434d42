"""Fit the weights of the token estimate: per byte, word, number and place, never negative.

``python -m training.token_weights --texts FILE --vocabulary DIR`` writes
``router/cost/weights.py``. FILE holds JSON lines with "kind" and "text", and "latin": whether the
language is another than English, where it is written in Latin letters; DIR the vocabulary file that
tiktoken would download (o200k_base, under the name tiktoken gives it). What the shipped weights
were fitted on is docs/tokens.md. Needs tiktoken.

Least squares of the relative error, errors above ``_CAP`` counting less (Huber's loss, by
reweighting), drawn by a small ridge towards ``_prior``; every kind weighs the same, except English.
Letters are weighed a second time, by a logistic regression of "latin" on their shares.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from router.cost.shape import Shape, shape_of
from router.errors import DataError, MissingExtraError, RouterError
from router.predict.reading import read

FloatArray = npt.NDArray[np.float64]

_VOCABULARY = "o200k_base"
_CAP = 0.08
_RIDGE = 3e-4
_ROUNDS = 12
_ENGLISH = "english"
_ENGLISH_WEIGHT = 30.0
_LETTERS = range(ord("a"), ord("z") + 1)
_UPPER = ord("a") - ord("A")
_MARKED_LEADS = range(0xC3, 0xCB)
_BYTES = 256
_COUNTS = _BYTES + 2 + len(Shape._fields)
_HEAD = '''"""Weights of bytes, words, numbers and places, written by ``training.token_weights``."""

WEIGHT_OF_WORD = {word:g}
WEIGHT_OF_NUMBER = {number:g}

WEIGHT_OF_SHAPE: tuple[float, ...] = ({shape})
"""Tokens, in the order of ``router.cost.shape.Shape``."""

WEIGHT_OF_BYTE: tuple[float, ...] = (
    {weights}
)  # fmt: skip
"""Tokens, by value of the byte in UTF-8."""

LATIN_WEIGHT_OF_BYTE: tuple[float, ...] = (
    {latin}
)  # fmt: skip
"""Their sum is positive for a language in Latin letters that is likely not English."""
'''


def counts_of(text: str) -> FloatArray:
    """Return shape (262,): how often each byte occurs, words, numbers, places of ``Shape``."""
    reading = read(text)
    data = np.frombuffer(reading.encoded, dtype=np.uint8)
    tail = [reading.n_words, reading.n_numbers, *shape_of(reading.encoded)]
    return np.concatenate([np.bincount(data, minlength=_BYTES), tail]).astype(np.float64)


def fit(counts: FloatArray, tokens: FloatArray, weights: FloatArray) -> FloatArray:
    """Return shape (262,) of weights >= 0.

    Args:
        counts: (n, 262) rows of ``counts_of``.
        tokens: (n,) true token counts, > 0.
        weights: (n,) of the texts.
    """
    from scipy.optimize import nnls

    ridge = np.sqrt(_RIDGE) * np.eye(counts.shape[1])
    robust = np.ones(len(tokens))
    found = _prior()
    for _ in range(_ROUNDS):
        scale = np.sqrt(weights * robust) / tokens
        left = np.vstack([counts * scale[:, None], ridge])
        found, _ = nnls(left, np.concatenate([tokens * scale, ridge @ _prior()]), maxiter=20_000)
        errors = np.abs(counts @ found / tokens - 1.0)
        robust = np.minimum(1.0, _CAP / np.maximum(errors, 1e-9))
    return np.asarray(found, dtype=np.float64)


def _prior() -> FloatArray:
    """Return what a byte counts of which the texts tell nothing."""
    prior = np.zeros(_COUNTS)
    prior[:32] = 1.0
    prior[32:127] = 0.5
    prior[ord("A") : ord("Z") + 1] = 0.2
    prior[ord("a") : ord("z") + 1] = 0.03
    prior[0xC0:0xE0] = 0.3
    prior[0xE0:0xF0] = 0.5
    prior[0xF0:_BYTES] = 1.0
    return prior


def latin_weights(counts: FloatArray, latin: FloatArray) -> FloatArray:
    """Return shape (256,): 0 but for letters, whose sum over a text is positive for "latin".

    Args:
        counts: (n, 262) rows of ``counts_of``, of texts in Latin letters.
        latin: (n,) 1 where the language is not English, else 0.
    """
    from sklearn.linear_model import LogisticRegression

    letters = counts[:, _LETTERS] + counts[:, [byte - _UPPER for byte in _LETTERS]]
    marked = counts[:, _MARKED_LEADS].sum(axis=1, keepdims=True)
    both = np.hstack([letters, marked])
    shares = both / np.maximum(both.sum(axis=1, keepdims=True), 1.0)
    model = LogisticRegression(C=300.0, max_iter=5000, class_weight="balanced").fit(shares, latin)
    of_letter = model.coef_[0] + model.intercept_[0]  # shares add up to 1
    weights = np.zeros(_BYTES)
    for place, byte in enumerate(_LETTERS):
        weights[byte] = weights[byte - _UPPER] = of_letter[place]
    weights[_MARKED_LEADS] = of_letter[-1]
    return np.round(weights, 2)


def main(argv: Sequence[str] | None = None) -> int:
    """Fit, print the errors by kind, write the weights; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.token_weights", description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, metavar="FILE")
    parser.add_argument("--vocabulary", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("router/cost/weights.py"))
    arguments = parser.parse_args(argv)
    try:
        texts = _texts(arguments.texts)
        tokens = _count([one.text for one in texts], arguments.vocabulary)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    counts = np.array([counts_of(one.text) for one in texts])
    of_kind: dict[str, list[int]] = {}
    for place, one in enumerate(texts):
        of_kind.setdefault(one.kind, []).append(place)
    weights = np.zeros(len(texts))
    for kind, places in of_kind.items():
        weights[places] = (_ENGLISH_WEIGHT if kind == _ENGLISH else 1.0) / len(places)
    found = np.round(fit(counts, tokens, weights), 4)
    for kind, places in sorted(of_kind.items()):
        p90 = np.quantile(np.abs(counts[places] @ found / tokens[places] - 1.0), 0.9)
        print(f"{kind:12} {len(places):5} texts, 90th percentile of the error {p90:6.1%}")
    known = [place for place, one in enumerate(texts) if one.latin is not None]
    latin = latin_weights(counts[known], np.array([texts[place].latin for place in known], float))
    right = (counts[known, :_BYTES] @ latin > 0.0) == [texts[place].latin for place in known]
    print(f"{np.mean(right):.1%} of {len(known)} texts in Latin letters told apart (in sample)")
    text = _HEAD.format(
        word=found[_BYTES],
        number=found[_BYTES + 1],
        shape=", ".join(f"{weight:g}" for weight in found[_BYTES + 2 :]),
        weights=_lines(found[:_BYTES]),
        latin=_lines(latin),
    )
    arguments.out.write_text(text, encoding="utf-8")
    return 0


class _Text(NamedTuple):
    kind: str
    text: str
    latin: bool | None


def _lines(weights: FloatArray) -> str:
    rows = [", ".join(f"{w:g}" for w in weights[at : at + 8]) for at in range(0, _BYTES, 8)]
    return ",\n    ".join(rows) + ","


def _texts(path: Path) -> list[_Text]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [_Text(row["kind"], row["text"], row.get("latin")) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f'{path}: must be JSON lines with "kind" and "text" ({error!r})',
            metadata={"file": str(path)},
        ) from error


def _count(texts: Sequence[str], vocabulary: Path) -> FloatArray:
    os.environ["TIKTOKEN_CACHE_DIR"] = str(vocabulary)
    try:
        import tiktoken
    except ImportError as error:
        raise MissingExtraError("tiktoken", "tokens") from error
    encoding = tiktoken.get_encoding(_VOCABULARY)
    return np.array([len(encoding.encode(text, disallowed_special=())) for text in texts], float)


if __name__ == "__main__":
    sys.exit(main())
