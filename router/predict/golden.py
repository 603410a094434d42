"""Golden rows: texts with the answers an artifact must give, checked before it serves."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from router.errors import ArtifactError
from router.predict.files import ReadOnce
from router.predict.predictor import predict_by_vectors, predict_one
from router.predict.reading import read
from router.types import Prediction

if TYPE_CHECKING:
    from router.predict.artifact import Artifact

GOLDEN_TOLERANCE = 2e-3
"""Largest difference allowed in an adequacy; output tokens may differ by this share."""


@dataclass(frozen=True, slots=True)
class GoldenRow:
    """A text and what the predictor said of it when the artifact was made."""

    text: str
    adequacy: tuple[float, ...]
    output_tokens: tuple[float, ...]


def read_golden(path: Path, files: ReadOnce | None = None) -> list[GoldenRow]:
    """Read golden rows.

    Args:
        path: The file.
        files: Of its directory; by default it is read anew.

    Raises:
        ArtifactError: a line is not a golden row, or there is none.
    """
    rows = []
    try:
        lines = (files or ReadOnce(path.parent)).text_of(path.name).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{path}: not readable ({error}); copy the directory again",
            reason="ARTIFACT_FILE_UNREADABLE",
            metadata={"file": str(path)},
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
            rows.append(
                GoldenRow(
                    str(content["text"]),
                    tuple(map(float, content["adequacy"])),
                    tuple(map(float, content["output_tokens"])),
                )
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"{path}:{number}: not a golden row ({error!r}); copy the directory again",
                reason="ARTIFACT_GOLDEN",
                metadata={"file": str(path)},
            ) from error
    if not rows:
        raise ArtifactError(
            f"{path}: holds no golden row, so the predictor cannot be checked; train again",
            reason="ARTIFACT_GOLDEN",
            metadata={"file": str(path)},
        )
    return rows


def check_golden(artifact: "Artifact", rows: list[GoldenRow]) -> None:
    """Compare the predictor with its golden rows, one by one and all at once.

    Raises:
        ArtifactError: an answer differs by more than ``GOLDEN_TOLERANCE``.
    """
    readings = [read(row.text) for row in rows]
    singly = [predict_one(artifact, reading) for reading in readings]
    for predictions in (predict_by_vectors(artifact, readings), singly):
        for number, (row, prediction) in enumerate(zip(rows, predictions, strict=True), start=1):
            _check_row(artifact.directory, number, row, prediction)


def _check_row(directory: Path, number: int, row: GoldenRow, prediction: Prediction) -> None:
    expected = np.array([*row.adequacy, *np.log1p(row.output_tokens)])
    actual = np.array([*prediction.adequacy, *np.log1p(prediction.output_tokens)])
    if expected.shape != actual.shape or not np.allclose(
        expected, actual, rtol=0.0, atol=GOLDEN_TOLERANCE
    ):
        raise ArtifactError(
            f"{directory}: golden row {number} is not reproduced: expected "
            f"{expected.round(4).tolist()}, got {actual.round(4).tolist()} (adequacies, then "
            "log output tokens); this machine's onnxruntime computes something else: reinstall "
            "it as constraints.txt says",
            reason="ARTIFACT_GOLDEN",
            metadata={"file": str(directory)},
        )
