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
from training.export import GOLDEN_FILE, write_golden_rows, write_heads, write_manifest


def copy_with_heads(source: Path, target: Path, edit: Callable[[onnx.GraphProto], None]) -> None:
    """Copy an artifact, its heads edited and joined to its encoder; ``seal`` makes it a good one.

    Args:
        source: A good artifact.
        target: Directory to be made.
        edit: Changes the graph of the heads in place.
    """
    shutil.copytree(source, target)
    model = onnx.load(target / "heads.onnx")
    edit(model.graph)
    write_heads(target, model)


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
