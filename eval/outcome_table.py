"""The outcome table: what each model scored on each prompt, as arrays without any text.

Here are the table, its selection and joining, and its identity (``content_hash``). Reading and
writing files is in ``eval.outcomes``; making tables from texts is in ``training.sources``.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.arrays import BoolArray, IntArray, StrArray
from router.errors import DataError
from router.predict.features import FEATURES_VERSION

Float32Array = NDArray[np.float32]

REBUILD = "run `make data` to rebuild the outcome tables with the encoder at hand"
_TEXT_FIELDS = ("prompt_ids", "source", "task", "subtask", "group", "flags")
_ROW_FIELDS = (*_TEXT_FIELDS, "input_tokens", "vectors", "features")
_NUMBER_FIELDS = ("input_tokens", "vectors", "features", "quality", "output_tokens")


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """Outcomes of m models on n prompts; n and m may be 0.

    Attributes:
        prompt_ids: (n,) str, hash of the prompt's text unless the user gave ids. Two rows may
            share one: the same text asked twice upstream, with its own outcome each time.
        source: (n,) str, the file or collection a row comes from.
        task: (n,) str.
        subtask: (n,) str; for MT-Bench ``q<question>/t<turn>``.
        group: (n,) str, duplicate group; rows of one group never stand on two sides of a split.
        input_tokens: (n,) float64, tokens, >= 0.
        vectors: (n, d) float32, unit length or zero.
        features: (n, f) float32, ``router.predict.features.FEATURE_NAMES``.
        models: the m columns of the next two.
        quality: (n, m) float32 in [0, 1], NaN = no outcome.
        output_tokens: (n, m) float32, tokens, >= 0, NaN = unknown.
        encoder_sha256: hash of the encoder that made ``vectors``.
        features_version: version of the code that made ``features``; empty = not stated.
        flags: (n,) str, ``|``-joined remarks about a prompt such as ``contaminated``;
            left out = none on any row.

    Raises:
        DataError: shapes that disagree, a model twice, quality outside [0, 1], negative or
            infinite tokens.
    """

    prompt_ids: StrArray
    source: StrArray
    task: StrArray
    subtask: StrArray
    group: StrArray
    input_tokens: NDArray[np.float64]
    vectors: Float32Array
    features: Float32Array
    models: tuple[str, ...]
    quality: Float32Array
    output_tokens: Float32Array
    encoder_sha256: str
    features_version: str = ""
    flags: StrArray = field(default_factory=lambda: np.empty(0, dtype=np.str_))

    def __post_init__(self) -> None:
        n, m = len(self.prompt_ids), len(self.models)
        if len(self.flags) == 0:
            object.__setattr__(self, "flags", np.full(n, "", dtype=np.str_))
        for name in _ROW_FIELDS:
            if len(getattr(self, name)) != n:
                raise DataError(f"{name} has {len(getattr(self, name))} rows, prompt_ids has {n}")
        for name in ("quality", "output_tokens"):
            if getattr(self, name).shape != (n, m):
                raise DataError(f"{name} has shape {getattr(self, name).shape}, expected {(n, m)}")
        if len(set(self.models)) != m:
            raise DataError(f"models must differ from each other, given {self.models}")
        if np.any((self.quality < 0) | (self.quality > 1)):
            raise DataError("quality must lie in [0, 1], or be NaN where there is no outcome")
        for name in ("input_tokens", "output_tokens"):
            values = getattr(self, name)
            if np.any((values < 0) | np.isinf(values)):
                raise DataError(f"{name} must be finite and >= 0, or NaN where unknown")

    def __len__(self) -> int:
        return len(self.prompt_ids)

    def select(self, rows: BoolArray | IntArray) -> "OutcomeTable":
        """Return the rows of a mask (n,) bool or of an index (k,) int, in that order."""
        chosen = {name: getattr(self, name)[rows] for name in _ROW_FIELDS}
        return replace(
            self, **chosen, quality=self.quality[rows], output_tokens=self.output_tokens[rows]
        )

    def for_models(self, models: Sequence[str]) -> "OutcomeTable":
        """Return the rows where every one of ``models`` has a quality, columns in that order.

        Raises:
            DataError: a model has no column here.
        """
        unknown = [model for model in models if model not in self.models]
        if unknown:
            raise DataError(
                f"no outcomes of {', '.join(unknown)}: this table has "
                f"{', '.join(self.models) or 'no models'}"
            )
        columns = [self.models.index(model) for model in models]
        quality = self.quality[:, columns]
        everywhere = np.flatnonzero(~np.isnan(quality).any(axis=1))
        narrowed = replace(
            self,
            models=tuple(models),
            quality=quality,
            output_tokens=self.output_tokens[:, columns],
        )
        return narrowed.select(everywhere)

    @staticmethod
    def concat(tables: Sequence["OutcomeTable"]) -> "OutcomeTable":
        """Join tables row-wise; models are the union in order of appearance, NaN where missing.

        Raises:
            DataError: no tables, or tables of different encoders or feature versions.
        """
        if not tables:
            raise DataError("no outcome tables to join: give at least one")
        first = tables[0]
        for table in tables[1:]:
            require_encoder(table, first.encoder_sha256)
            if table.features_version != first.features_version:
                raise DataError(
                    f"text features of version {table.features_version!r} and "
                    f"{first.features_version!r} cannot be joined: {REBUILD}"
                )
        models = tuple(dict.fromkeys(model for table in tables for model in table.models))
        rows: dict[str, Any] = {
            name: np.concatenate([getattr(table, name) for table in tables]) for name in _ROW_FIELDS
        }
        return replace(
            first,
            **rows,
            models=models,
            quality=np.concatenate([_spread(t.quality, t.models, models) for t in tables]),
            output_tokens=np.concatenate(
                [_spread(t.output_tokens, t.models, models) for t in tables]
            ),
        )

    def content_hash(self) -> str:
        """Return the SHA-256 of everything in the table; equal content gives an equal hash."""
        digest = hashlib.sha256()
        strings = {name: getattr(self, name).tolist() for name in _TEXT_FIELDS}
        head = (self.models, self.encoder_sha256, self.features_version, strings)
        digest.update(json.dumps(head, sort_keys=True).encode())
        for name in _NUMBER_FIELDS:
            values = getattr(self, name).astype("<f8")
            values[np.isnan(values)] = np.nan
            digest.update(f"{name}{values.shape}".encode())
            digest.update(np.ascontiguousarray(values + 0.0).tobytes())
        return digest.hexdigest()


def require_encoder(table: OutcomeTable, encoder_sha256: str) -> None:
    """Refuse a table whose vectors were made by another encoder.

    Raises:
        DataError: the hashes differ; the message names both and says how to rebuild.
    """
    if table.encoder_sha256 != encoder_sha256:
        raise DataError(
            f"these outcomes hold vectors of the encoder {table.encoder_sha256}, "
            f"but the encoder here is {encoder_sha256}: {REBUILD}",
            reason="ENCODER_MISMATCH",
            metadata={"expected": encoder_sha256, "actual": table.encoder_sha256},
        )


def require_inputs(table: OutcomeTable, encoder_sha256: str) -> None:
    """Refuse a table that an artifact of this release and this encoder cannot read.

    Raises:
        DataError: encoders or text-feature versions differ; the message names both and says how to
            rebuild.
    """
    require_encoder(table, encoder_sha256)
    if table.features_version not in ("", str(FEATURES_VERSION)):
        raise DataError(
            f"these outcomes hold text features of version {table.features_version}, "
            f"but this release computes version {FEATURES_VERSION}: {REBUILD}",
            reason="FEATURES_MISMATCH",
            metadata={"expected": str(FEATURES_VERSION), "actual": table.features_version},
        )


def _spread(values: Float32Array, models: tuple[str, ...], onto: tuple[str, ...]) -> Float32Array:
    spread = np.full((len(values), len(onto)), np.nan, dtype=np.float32)
    spread[:, [onto.index(model) for model in models]] = values
    return spread
