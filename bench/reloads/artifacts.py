"""Good artifacts that differ in every number, and the ways of making one bad.

Made from any artifact by rule, without training: adequacies are raised to a power. It needs the
packages of training (onnx).
"""

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bench.variants import copy_with_heads, rename_output, seal
from router.predict.files import read_json
from router.predict.parts import PROMISE_FILE
from training.export import GOLDEN_FILE, sha256_of, write_manifest

Spoil = Callable[[Path, random.Random], None]


def write_variant(source: Path, target: Path, power: float, *, own_encoder: bool = False) -> str:
    """Write an artifact whose adequacies are those of another, raised to a power.

    Args:
        source: A good artifact.
        target: Directory to be made.
        power: Above 0; 1 changes no number.
        own_encoder: Whether its encoder is to count as another one, so that it is loaded anew.

    Returns:
        Its version.
    """
    copy_with_heads(source, target, lambda graph: _raise_adequacy(graph, power))
    manifest = read_json(target / "manifest.json")
    if own_encoder:
        _rename_encoder(target, power)
        manifest["encoder_sha256"] = read_json(target / "encoder.json")["sha256"]
    return seal(target, manifest)


def _raise_adequacy(graph: onnx.GraphProto, power: float) -> None:
    rename_output(graph, "adequacy", "adequacy_before")
    graph.initializer.append(numpy_helper.from_array(np.array(power, np.float32), "power"))
    graph.node.append(helper.make_node("Pow", ["adequacy_before", "power"], ["adequacy"]))


def _rename_encoder(place: Path, power: float) -> None:
    """Make the encoder's files others, tokenizer and all, without changing what they say."""
    tokenizer, info = place / "tokenizer.json", place / "encoder.json"
    tokenizer.write_bytes(tokenizer.read_bytes() + b"\n" * round(power * 10))
    content = read_json(info)
    content["files"]["tokenizer.json"] = sha256_of(tokenizer)
    content["sha256"] = sha256_of(tokenizer)
    info.write_text(json.dumps(content), encoding="utf-8")


def tampered(place: Path, generator: random.Random) -> None:
    """Flip one bit of one file that is hashed."""
    path = _any_file(place, generator)
    data = bytearray(path.read_bytes())
    data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    path.write_bytes(data)


def truncated(place: Path, generator: random.Random) -> None:
    """Cut one file short, the manifest among them."""
    path = generator.choice([_any_file(place, generator), place / "manifest.json"])
    data = path.read_bytes()
    path.write_bytes(data[: generator.randrange(len(data) - 1)])


def without_a_file(place: Path, generator: random.Random) -> None:
    """Take one file away."""
    _any_file(place, generator).unlink()


def of_other_tiers(place: Path, generator: random.Random) -> None:
    """Name a tier otherwise; every hash is right."""
    manifest = read_json(place / "manifest.json")
    generator.choice(manifest["tiers"])["name"] = "elsewhere"
    write_manifest(place, manifest)


def of_another_threshold(place: Path, _: random.Random) -> None:
    """Count other answers as adequate; every hash is right."""
    manifest = read_json(place / "manifest.json")
    manifest["adequate_quality"] = 0.95
    write_manifest(place, manifest)


def not_as_golden(place: Path, generator: random.Random) -> None:
    """Predict something else than the golden rows say; every hash is right."""
    path = place / GOLDEN_FILE
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    row = generator.choice(rows)
    row["adequacy"] = [value / 2 + 0.01 for value in row["adequacy"]]
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    write_manifest(place, read_json(place / "manifest.json"))


def uncalibrated(place: Path, _: random.Random) -> None:
    """Take the calibration of contracts away; every hash is right."""
    (place / PROMISE_FILE).unlink()
    manifest = read_json(place / "manifest.json")
    manifest.pop("promise", None)
    write_manifest(place, manifest)


SPOILS: Mapping[str, Spoil] = {
    "one bit flipped": tampered,
    "a file cut short": truncated,
    "a file missing": without_a_file,
    "other tiers": of_other_tiers,
    "another threshold": of_another_threshold,
    "golden rows not met": not_as_golden,
    "contracts lost": uncalibrated,
}
"""What must be refused, whatever directory it is done to."""


def _any_file(place: Path, generator: random.Random) -> Path:
    names: list[str] = sorted(read_json(place / "manifest.json")["files"])
    return place / generator.choice(names)
