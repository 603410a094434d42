"""A real, small artifact for tests: the tests' encoder with heads of known weights.

Here is the writing of it, whole or with one thing wrong. The fixtures that hand it out are in
``tests/conftest.py``.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tiny_encoder import ENCODER_FILES, tiny_encoder

from router.predict.artifact import ARTIFACT_FORMAT, manifest_version
from router.predict.encoder import TextEncoder, open_session
from router.predict.features import FEATURE_NAMES, FEATURES_VERSION
from router.predict.heads import Heads
from router.predict.parts import PROMISE_FILE, TOPICS_FILE
from router.promise.contract import CalibrationCounts
from router.promise.saved import counts_to_json
from router.promise.topics import TopicCounts, Topics
from router.promise.topics_file import topics_to_json

TIERS = (
    ("small", "llama-3-8b-instruct"),
    ("medium", "claude-3-haiku-20240307"),
    ("large", "claude-3-5-sonnet-20240620"),
)
GOLDEN_TEXTS = (
    "What is the tallest mountain of Africa?",
    "Übersetze bitte: «Der Zug fährt um 8:15 Uhr» 🚆",
    "Prove that the sum of two odd numbers is even, step by step.\n" * 20,
)
DIMENSION: int = json.loads(tiny_encoder()["encoder.json"])["dimension"]


def heads_model(
    n_tiers: int = 3,
    *,
    dimension: int = DIMENSION,
    n_features: int = len(FEATURE_NAMES),
    outputs: Sequence[str] = ("adequacy", "output_tokens"),
    element: int = TensorProto.FLOAT,
    bias: float = 3.0,
) -> onnx.ModelProto:
    """Return heads in which a longer prompt is harder, and harder for a lower tier.

    A lower bias makes every prompt harder: the heads of another artifact.
    """
    rng = np.random.default_rng(7)
    weights = rng.normal(0.0, 0.2, (dimension + n_features, n_tiers))
    weights[dimension:] = 0.0
    weights[dimension] = np.linspace(-0.6, -0.2, n_tiers)  # log_chars
    lengths = np.zeros((dimension + n_features, n_tiers))
    lengths[dimension] = np.linspace(30.0, 60.0, n_tiers)
    kind = helper.tensor_dtype_to_np_dtype(element)
    constants = {
        "weights": weights,
        "bias": np.full(n_tiers, bias),
        "lengths": lengths,
        "least": np.full(n_tiers, 5.0),
    }
    nodes = [
        helper.make_node("Concat", ["vector", "features"], ["both"], axis=1),
        helper.make_node("Gemm", ["both", "weights", "bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], [outputs[0]]),
        helper.make_node("Gemm", ["both", "lengths", "least"], [outputs[1]]),
    ]
    graph = helper.make_graph(
        nodes,
        "heads",
        [
            helper.make_tensor_value_info("vector", element, ["n", dimension]),
            helper.make_tensor_value_info("features", element, ["n", n_features]),
        ],
        [helper.make_tensor_value_info(name, element, ["n", n_tiers]) for name in outputs],
        [numpy_helper.from_array(value.astype(kind), name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=9)
    return model


def write_artifact(
    directory: Path,
    *,
    heads: onnx.ModelProto | None = None,
    tiers: Sequence[tuple[str, str]] = TIERS,
    change_manifest: Callable[[dict[str, Any]], object] | None = None,
    change_golden: Callable[[list[dict[str, Any]]], object] | None = None,
    bias: float = 3.0,
) -> Path:
    """Write an artifact that loads, unless a change says otherwise.

    Args:
        directory: Created; encoder files already there are kept.
        heads: The graph, ``heads_model()`` by default.
        tiers: Name and reference model, lowest first.
        change_manifest: Edits the manifest before its version is computed, so that what is wrong
            is the value and not the hash.
        change_golden: Edits the golden rows before they are hashed.
        bias: Of the default heads.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in tiny_encoder().items():
        if not (directory / name).exists():
            (directory / name).write_bytes(content)
    onnx.save(heads or heads_model(len(tiers), bias=bias), directory / "heads.onnx")
    rows = golden_rows(directory) if heads is None else [{}]
    if change_golden:
        change_golden(rows)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (directory / "golden.jsonl").write_text(lines, encoding="utf-8")
    write_manifest(directory, tiers, change_manifest)
    return directory


def golden_rows(directory: Path) -> list[dict[str, Any]]:
    """Return what the predictor says of ``GOLDEN_TEXTS``."""
    encoder = TextEncoder(directory)
    heads = Heads(
        open_session(directory / "heads.onnx"),
        dimension=encoder.info.dimension,
        n_features=len(FEATURE_NAMES),
        n_tiers=_outputs(directory / "heads.onnx"),
    )
    adequacy, output_tokens = heads.run(*encoder.encode(GOLDEN_TEXTS))
    return [
        {"text": text, "adequacy": row, "output_tokens": tokens}
        for text, row, tokens in zip(
            GOLDEN_TEXTS, adequacy.tolist(), output_tokens.tolist(), strict=True
        )
    ]


def _outputs(path: Path) -> int:
    return int(onnx.load(path).graph.output[0].type.tensor_type.shape.dim[1].dim_value)


def write_manifest(
    directory: Path,
    tiers: Sequence[tuple[str, str]] = TIERS,
    change: Callable[[dict[str, Any]], object] | None = None,
) -> None:
    """Write ``manifest.json`` for the files as they are now."""
    names = (*ENCODER_FILES, "heads.onnx", "golden.jsonl")
    encoder = json.loads((directory / "encoder.json").read_text(encoding="utf-8"))
    content: dict[str, Any] = {
        "format": ARTIFACT_FORMAT,
        "features_version": FEATURES_VERSION,
        "tiers": [{"name": name, "reference_model": model} for name, model in tiers],
        "adequate_quality": 0.5,
        "encoder_sha256": encoder["sha256"],
        "data_sha256": "0" * 64,
        "split": {"seed": 7},
        "files": {name: sha256(directory / name) for name in names},
    }
    if change:
        change(content)
    content["version"] = manifest_version(content)
    (directory / "manifest.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


# Every tier is permitted whatever is predicted: nothing was lost at any threshold.
COUNTS = CalibrationCounts((-0.5, 1.0), (0.0, 0.0), 1000, True, "any")


FRUIT, PROOF = "Name a fruit.", "Prove that there is no largest prime number."


def topics_of(directory: Path, proofs: CalibrationCounts = COUNTS) -> TopicCounts:
    """Return two topics, what is like ``FRUIT`` and what is like ``PROOF``, with their counts."""
    vectors, _ = TextEncoder(directory).encode([FRUIT, PROOF])
    return TopicCounts(Topics(("fruit", "proof"), vectors.astype(np.float64)), (COUNTS, proofs))


def calibrated(
    directory: Path, counts: CalibrationCounts = COUNTS, by_topic: TopicCounts | None = None
) -> Path:
    """Give an artifact directory a calibration of contracts; other counts are another one."""
    written = {PROMISE_FILE: counts_to_json(counts)}
    if by_topic is not None:
        written[TOPICS_FILE] = topics_to_json(by_topic)
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    for name, text in written.items():
        (directory / name).write_text(text, encoding="utf-8")
        manifest["files"][name] = sha256(directory / name)
    manifest["promise"] = {"data_sha256": "1" * 64, "prompts": counts.n}
    del manifest["version"]
    manifest["version"] = manifest_version(manifest)
    replace_file(directory / "manifest.json", json.dumps(manifest))
    return directory


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def copy_artifact(source: Path, target: Path) -> Path:
    """Return a copy whose small files may be changed; the encoder's graph is a link.

    Replace a file with ``replace_file``, which never writes through that link.
    """
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.name == "encoder.onnx":
            (target / path.name).symlink_to(path)
        else:
            shutil.copyfile(path, target / path.name)
    return target


def replace_file(path: Path, content: bytes | str) -> None:
    """Put new content in the place of a file or of a link to it."""
    path.unlink()
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def edit_json(path: Path, changes: Mapping[str, Any]) -> None:
    """Change keys of a JSON object in a file."""
    content = json.loads(path.read_text(encoding="utf-8")) | dict(changes)
    replace_file(path, json.dumps(content, indent=2))
