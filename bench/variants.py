"""Artifacts made from another by rule, without training: edited heads, golden rows of their own.

It needs the packages of training (onnx). What is edited, and what for, is with its callers.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

from router.predict.encoder import TextEncoder, open_session
from router.predict.features import FEATURE_NAMES
from router.predict.golden import read_golden
from router.predict.heads import Heads
from router.predict.parts import PROMISE_FILE, REVIEW_FILE, REVIEWED_FILE, TOPICS_FILE
from training.export import (
    ENCODER_FILES,
    GOLDEN_FILE,
    write_golden_rows,
    write_heads,
    write_manifest,
)

_CONTRACTS_AND_REVIEWS = (PROMISE_FILE, TOPICS_FILE, REVIEW_FILE, REVIEWED_FILE)


def copy_with_heads(
    source: Path,
    target: Path,
    edit: Callable[[onnx.GraphProto], None],
    encoder: Path | None = None,
) -> None:
    """Copy an artifact, its heads edited and joined to its encoder; ``seal`` makes it a good one.

    Args:
        source: A good artifact.
        target: Directory to be made.
        edit: Changes the graph of the heads in place.
        encoder: Directory of the encoder that is taken instead of the artifact's own.
    """
    shutil.copytree(source, target)
    if encoder is not None:
        for name in ENCODER_FILES:
            shutil.copyfile(encoder / name, target / name)
    model = onnx.load(target / "heads.onnx")
    edit(model.graph)
    write_heads(target, model)


def without_contracts(place: Path, manifest: dict[str, Any]) -> None:
    """Take contracts and reviews away, which go by tiers and vectors that are others now."""
    for name in _CONTRACTS_AND_REVIEWS:
        (place / name).unlink(missing_ok=True)
    for key in ("promise", "review"):
        manifest.pop(key, None)


def seal(place: Path, manifest: dict[str, Any]) -> str:
    """Write golden rows as the heads there give them, and the manifest; return the version."""
    encoder = TextEncoder(place)
    heads = Heads(
        open_session(place / "heads.onnx"),
        dimension=encoder.info.dimension,
        n_features=len(FEATURE_NAMES),
        n_tiers=len(manifest["tiers"]),
    )
    texts = [row.text for row in read_golden(place / GOLDEN_FILE)]
    write_golden_rows(place, texts, *heads.run(*encoder.encode(texts)))
    return write_manifest(place, manifest)


def rename_output(graph: onnx.GraphProto, name: str, to: str) -> None:
    """Give what a graph computes under a name another one, so that a node after it can take it."""
    for node in graph.node:
        for place, given in enumerate(node.output):
            if given == name:
                node.output[place] = to
