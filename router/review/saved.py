"""A review model as JSON text, the optional file ``review.json`` of an artifact.

The record is ``router.review.heads.ReviewModel``; where the file is kept and verified is
``router.predict.artifact``.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from router.errors import DataError
from router.review.digest import ANSWER_FEATURE_NAMES, ANSWER_FEATURES_VERSION
from router.review.final import Kind
from router.review.heads import FirstHeads, FloatArray, Head, ReviewModel, SecondHeads

FORMAT = 1
_DIGITS = 6


def review_to_json(model: ReviewModel) -> str:
    """Write a review model as one line of JSON; numbers keep six significant digits."""
    firsts = {
        str(tier): {
            "first": _head(heads.first),
            "top": _head(heads.top),
            "top_tokens": _head(heads.top_tokens),
            "seconds": {str(second): _second(pair) for second, pair in heads.seconds.items()},
            "reference_prompts": _numbers(heads.reference_prompts),
            "reference_features": _numbers(heads.reference_features),
        }
        for tier, heads in model.firsts.items()
    }
    content = {
        "format": FORMAT,
        "answer_features_version": ANSWER_FEATURES_VERSION,
        "tiers": model.tiers,
        "kinds": sorted(kind.name for kind in model.kinds),
        "prompts": model.prompts,
        "firsts": firsts,
    }
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def review_from_json(text: str, origin: str = "review") -> ReviewModel:
    """Read what ``review_to_json`` wrote.

    Args:
        text: The JSON.
        origin: Where it came from, for messages.

    Raises:
        DataError: not JSON, of another format or of other answer features, or a part of it is
            missing or does not fit the others.
    """
    try:
        content = json.loads(text)
        found = (content["format"], content["answer_features_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{origin}: not a review ({error!r}): fit it again") from error
    if found != (FORMAT, ANSWER_FEATURES_VERSION):
        raise DataError(
            f"{origin}: format and answer features {found}; this release reads "
            f"{(FORMAT, ANSWER_FEATURES_VERSION)}: fit it again"
        )
    try:
        return _read(content)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(
            f"{origin}: incomplete or of a wrong type ({error!r}): fit again"
        ) from error


def _read(content: Mapping[str, Any]) -> ReviewModel:
    tiers = int(content["tiers"])
    prompt_width = 2 * tiers
    one = prompt_width + len(ANSWER_FEATURE_NAMES) + 1
    supposed = one + 1 + tiers
    both = supposed + len(ANSWER_FEATURE_NAMES) + 1
    firsts: dict[int, FirstHeads] = {}
    for tier in range(tiers - 1):
        given = content["firsts"][str(tier)]
        firsts[tier] = FirstHeads(
            first=_read_head(given["first"], one),
            top=_read_head(given["top"], one),
            top_tokens=_read_head(given["top_tokens"], one),
            seconds={
                second: _read_second(given["seconds"][str(second)], one, supposed, both)
                for second in range(tiers - 1)
                if second != tier
            },
            reference_prompts=_matrix(given["reference_prompts"], prompt_width),
            reference_features=_matrix(given["reference_features"], len(ANSWER_FEATURE_NAMES)),
        )
        if len(firsts[tier].reference_prompts) != len(firsts[tier].reference_features):
            raise ValueError("as many reference prompts as reference features are needed")
    kinds = frozenset(Kind[name] for name in content["kinds"])
    return ReviewModel(tiers, firsts, kinds, int(content["prompts"]))


def _second(pair: SecondHeads) -> dict[str, Any]:
    return {
        "agree": _head(pair.agree),
        "foreseen": [_head(head) for head in pair.foreseen],
        "seen": [_head(head) for head in pair.seen],
        "second_tokens": _head(pair.second_tokens),
        "top_tokens_seen": _head(pair.top_tokens_seen),
    }


def _read_second(given: Mapping[str, Any], one: int, supposed: int, both: int) -> SecondHeads:
    def three(name: str, width: int) -> tuple[Head, Head, Head]:
        first, second, top = (_read_head(head, width) for head in given[name])
        return first, second, top

    return SecondHeads(
        agree=_read_head(given["agree"], one),
        foreseen=three("foreseen", supposed),
        seen=three("seen", both),
        second_tokens=_read_head(given["second_tokens"], one),
        top_tokens_seen=_read_head(given["top_tokens_seen"], both),
    )


def _head(head: Head) -> dict[str, Any]:
    return {
        "mean": _numbers(head.mean),
        "scale": _numbers(head.scale),
        "weights": _numbers(head.weights),
    }


def _read_head(given: Mapping[str, Any], width: int) -> Head:
    head = Head(*(_vector(given[name]) for name in ("mean", "scale", "weights")))
    if head.mean.shape != (width,) or head.scale.shape != (width,) or not (head.scale > 0).all():
        raise ValueError(f"a head needs {width} means and as many scales above 0")
    if head.weights.shape != (width + 1,):
        raise ValueError(f"a head needs {width + 1} weights, {head.weights.shape} given")
    return head


def _numbers(values: FloatArray) -> Any:
    if values.ndim > 1:
        return [_numbers(row) for row in values]
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]


def _vector(values: Any) -> FloatArray:
    vector = np.asarray(values, dtype=np.float64)
    if not np.isfinite(vector).all():
        raise ValueError("a number is not finite")
    return vector


def _matrix(values: Any, width: int) -> FloatArray:
    matrix = _vector(values)
    if matrix.ndim != 2 or matrix.shape[1] != width or len(matrix) == 0:
        raise ValueError(f"a table of {width} columns is needed, {matrix.shape} given")
    return matrix
