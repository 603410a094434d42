"""Another encoder takes the place of the shipped one in a real artifact; no time is judged."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from bench.encoders import main, rows_of, table_of, write_with_encoder
from bench.growth.axes import SHIPPED, Point
from bench.growth.times import Timed
from bench.load import Block
from router import load_engine
from router.defaults import default_artifact_directory, default_catalog_path
from router.errors import ArtifactError
from router.types import Message, Request
from training.export import sha256_of


@pytest.fixture
def wide_encoder(tmp_path: Path) -> Path:
    """Return the shipped encoder with eight zeros behind every vector."""
    place = tmp_path / "encoder"
    place.mkdir()
    for name in ("encoder.json", "encoder.onnx", "tokenizer.json"):
        shutil.copyfile(default_artifact_directory() / name, place / name)
    model = onnx.load(place / "encoder.onnx")
    info = json.loads((place / "encoder.json").read_text(encoding="utf-8"))
    for constant in model.graph.initializer:
        if constant.name == "table":  # its name tells a static encoder, which would be fused
            constant.name = "rows"
    for node in model.graph.node:
        node.input[:] = ["rows" if name == "table" else name for name in node.input]
        node.output[:] = ["short" if name == "embedding" else name for name in node.output]
    wide = np.eye(info["dimension"], info["dimension"] + 8, dtype=np.float32)
    model.graph.initializer.append(numpy_helper.from_array(wide, "wide"))
    model.graph.node.append(helper.make_node("MatMul", ["short", "wide"], ["embedding"]))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = info["dimension"] + 8
    (place / "encoder.onnx").write_bytes(model.SerializeToString())
    digest = sha256_of(place / "encoder.onnx")
    info |= {"dimension": info["dimension"] + 8, "sha256": digest}
    info["files"]["encoder.onnx"] = digest
    (place / "encoder.json").write_text(json.dumps(info), encoding="utf-8")
    return place


def test_the_heads_see_the_first_numbers_of_the_longer_vector(
    wide_encoder: Path, tmp_path: Path
) -> None:
    write_with_encoder(default_artifact_directory(), tmp_path / "artifact", wide_encoder)
    engine = load_engine(tmp_path / "artifact", default_catalog_path())
    request = Request((Message("user", "Name three rivers that flow into the Black Sea."),))
    other, shipped = engine.route(request), load_engine().route(request)
    assert [one.adequacy for one in other.estimates] == pytest.approx(
        [one.adequacy for one in shipped.estimates], abs=1e-5
    )
    assert engine.artifact.version != shipped.artifact_version


def test_an_encoder_that_is_missing_or_too_short_is_refused_with_a_remedy(
    wide_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--encoder", str(tmp_path / "nowhere")]) == 1
    assert "run 'make encoder KIND=transformer'" in capsys.readouterr().err
    wide = tmp_path / "wide"
    write_with_encoder(default_artifact_directory(), wide, wide_encoder)
    with pytest.raises(ArtifactError, match="vectors of 128 numbers, the heads take 136"):
        write_with_encoder(wide, tmp_path / "again", default_artifact_directory())


def test_a_transformer_is_compared_with_the_static_encoder_of_the_same_round() -> None:
    def timed(*each_ms: float) -> Timed:
        blocks = tuple(Block((ms,) * 5, 1.0) for ms in each_ms)
        return Timed(Point(20, SHIPPED, 20), blocks, blocks)

    pairs = [(timed(1.0, 2.0, 2.0), timed(10.0, 20.0, 90.0))]
    assert table_of(pairs).splitlines()[2] == "| 20 | 2.00 | 2.00 | 20.00 | 90.00 | 10.0 |"
    assert rows_of(pairs)[-1].name == "Route 20 tokens, transformer: median / static"
    assert rows_of(pairs)[-1].value == 10.0
