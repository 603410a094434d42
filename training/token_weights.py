"""Fit the weights of the token estimate: tokens per byte and per word, never negative.

``python -m training.token_weights --texts FILE --vocabulary DIR`` writes ``router/cost/weights.py``.
FILE holds JSON lines with "kind" and "text"; DIR the vocabulary file that tiktoken would download
(o200k_base, under the name tiktoken gives it). What the shipped weights were fitted on is
docs/tokens.md. Needs tiktoken.

Least squares of the relative error, errors above ``_CAP`` counting as if they were that large (Huber's
loss, by reweighting), drawn by a small ridge towards ``_prior``; every kind weighs the same, except
English.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from router.cost.tokens import estimate_tokens
from router.errors import DataError, MissingExtraError, RouterError
from router.predict.reading import read

FloatArray = npt.NDArray[np.float64]

_VOCABULARY = "o200k_base"
_CAP = 0.08
_RIDGE = 3e-4
_ROUNDS = 12
_ENGLISH = "english"
_ENGLISH_WEIGHT = 30.0
_HEAD = '''"""Tokens per byte and per word of a text: written by ``training.token_weights``, not by hand."""

WEIGHT_OF_WORD = {word}

WEIGHT_OF_BYTE: tuple[float, ...] = (
    {weights}
)  # fmt: skip
"""By value of the byte in UTF-8."""
'''


def counts_of(text: str) -> FloatArray:
    """Return shape (257,): how often each byte occurs, then the number of words."""
    data = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8)
    return np.append(np.bincount(data, minlength=256), read(text).n_words).astype(np.float64)


def fit(counts: FloatArray, tokens: FloatArray, weights: FloatArray) -> FloatArray:
    """Return shape (257,) of weights >= 0.

    Args:
        counts: (n, 257) rows of ``counts_of``.
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
    prior = np.zeros(257)
    prior[:32] = 1.0
    prior[32:127] = 0.5
    prior[ord("A") : ord("Z") + 1] = 0.2
    prior[ord("a") : ord("z") + 1] = 0.03
    prior[0xC0:0xE0] = 0.3
    prior[0xE0:0xF0] = 0.5
    prior[0xF0:] = 1.0
    return prior


def main(argv: Sequence[str] | None = None) -> int:
    """Fit, print the errors by kind, write the weights; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.token_weights", description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, metavar="FILE")
    parser.add_argument("--vocabulary", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("router/cost/weights.py"))
    arguments = parser.parse_args(argv)
    try:
        kinds, texts = _texts(arguments.texts)
        tokens = _count(texts, arguments.vocabulary)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    rows = np.array([counts_of(text) for text in texts])
    names = sorted(set(kinds))
    of_kind = {name: np.array([kind == name for kind in kinds]) for name in names}
    weights = np.zeros(len(texts))
    for name, chosen in of_kind.items():
        weights[chosen] = (_ENGLISH_WEIGHT if name == _ENGLISH else 1.0) / chosen.sum()
    found = np.round(fit(rows, tokens, weights), 4)
    before = np.array([estimate_tokens(text) for text in texts])
    for name, chosen in of_kind.items():
        old, new = (np.abs(e[chosen] / tokens[chosen] - 1.0) for e in (before, rows @ found))
        print(
            f"{name:12} {chosen.sum():5} texts, 90th percentile of the error "
            f"{np.quantile(old, 0.9):6.1%} before, {np.quantile(new, 0.9):6.1%} now (in sample)"
        )
    lines = [", ".join(f"{w:g}" for w in found[at : at + 8]) for at in range(0, 256, 8)]
    arguments.out.write_text(
        _HEAD.format(word=f"{found[256]:g}", weights=",\n    ".join(lines) + ","), encoding="utf-8"
    )
    return 0


def _texts(path: Path) -> tuple[list[str], list[str]]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [row["kind"] for row in rows], [row["text"] for row in rows]
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
