"""Bad artifacts: altered, old, incomplete, of other parts, or not fitting the catalog."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bad_inputs import BadFile
from bad_settings import CATALOG
from certificates import signing_keys
from onnx import TensorProto
from tiny_artifact import (
    calibrated,
    copy_artifact,
    edit_json,
    heads_model,
    replace_file,
    sha256,
    write_manifest,
)

from router.catalog import load_catalog
from router.engine import build_engine
from router.errors import ArtifactError, NotCalibratedError
from router.predict.artifact import load_artifact
from router.predict.parts import PROMISE_FILE, REVIEW_FILE, TOPICS_FILE
from router.predict.signature import sign_artifact
from router.types import Contract, Goal, Message, Request

DIR = Path("artifact")


def loaded(change: Callable[[], object]) -> Callable[[Path], object]:
    """Load a copy of the good artifact after a change to its files."""

    def load(good: Path) -> object:
        copy_artifact(good, DIR)
        change()
        return load_artifact(DIR)

    return load


def manifest(**values: Any) -> Callable[[], object]:
    """State other values in the manifest, with the version that goes with them."""
    return lambda: write_manifest(DIR, change=lambda content: content.update(values))


def without(key: str) -> Callable[[], object]:
    return lambda: write_manifest(DIR, change=lambda content: content.pop(key))


def file(name: str, change: Callable[[bytes], bytes]) -> Callable[[], object]:
    """Change a file and leave the manifest as it is."""
    return lambda: replace_file(DIR / name, change((DIR / name).read_bytes()))


def pipe(name: str) -> Callable[[], object]:
    """Put a pipe that nobody writes to in the place of a file."""

    def change() -> None:
        (DIR / name).unlink()
        os.mkfifo(DIR / name)

    return change


def made(name: str, content: bytes) -> Callable[[], object]:
    """Change a file of an artifact whose hashes are right all the same."""

    def change() -> None:
        replace_file(DIR / name, content)
        names = ("encoder.onnx", "tokenizer.json")
        if name in names:
            edit_json(DIR / "encoder.json", {"files": {n: sha256(DIR / n) for n in names}})
        write_manifest(DIR)

    return change


def heads(**arguments: Any) -> Callable[[], object]:
    return made("heads.onnx", heads_model(**arguments).SerializeToString())


def weights_in(*places: str) -> Callable[[], object]:
    """Say of the heads' first weights that they lie in other files."""
    model = heads_model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for place in places:
        tensor.external_data.add(key="location", value=place)
    return made("heads.onnx", model.SerializeToString())


def operator_of(domain: str) -> Callable[[], object]:
    """Give the heads' first node to another library."""
    model = heads_model()
    model.graph.node[0].domain = domain
    model.opset_import.add(domain=domain, version=1)
    return made("heads.onnx", model.SerializeToString())


def signed(change: Callable[[], object] = lambda: None) -> Callable[[Path], object]:
    """Load a copy of the good artifact, signed and then changed, where signatures are asked for."""

    def load(good: Path) -> object:
        copy_artifact(good, DIR)
        private, public = signing_keys(Path())
        sign_artifact(DIR, private)
        change()
        return load_artifact(DIR, public_key=public)

    return load


def encoder(**values: Any) -> Callable[[], object]:
    def change() -> None:
        edit_json(DIR / "encoder.json", values)
        write_manifest(DIR)

    return change


def other_encoder() -> None:
    """The encoder of another training run, complete in itself: only the heads do not fit it."""
    trained_on = json.loads((DIR / "encoder.json").read_text(encoding="utf-8"))["sha256"]
    made("tokenizer.json", (DIR / "tokenizer.json").read_bytes() + b"\n")()
    edit_json(DIR / "encoder.json", {"sha256": "ab" * 32})
    write_manifest(DIR, change=lambda content: content.update(encoder_sha256=trained_on))


def golden(changes: Mapping[str, Any]) -> Callable[[], object]:
    def change() -> None:
        first, *rest = (DIR / "golden.jsonl").read_text(encoding="utf-8").splitlines()
        row = json.dumps(json.loads(first) | changes)
        made("golden.jsonl", "\n".join([row, *rest]).encode())()

    return change


def extra(name: str) -> Callable[[], object]:
    """Add a file that holds nothing, and list it in the manifest."""

    def change() -> None:
        (DIR / name).write_bytes(b"{}")
        write_manifest(
            DIR, change=lambda content: content["files"].update({name: sha256(DIR / name)})
        )

    return change


def without_topics(good: Path) -> object:
    """Ask an artifact calibrated for all traffic together for a contract per topic."""
    artifact = load_artifact(calibrated(copy_artifact(good, DIR)))
    goal = Goal(contract=Contract(0.05, per_topic=True))
    return build_engine(artifact, load_catalog(CATALOG)).route(
        Request((Message("user", "Why?"),), goal)
    )


def with_catalog(**changes: Any) -> Callable[[Path], object]:
    def build(good: Path) -> object:
        catalog = replace(load_catalog(CATALOG), **changes)
        return build_engine(load_artifact(copy_artifact(good, DIR)), catalog)

    return build


def bad(given: str, change: Callable[[], object], reason: str, message: str) -> BadFile:
    return BadFile(given, loaded(change), ArtifactError, f"ARTIFACT_{reason}", message)


COPY, TRAIN = "copy the directory again", "train again with 'make train'"
ONE_LAYER = heads_model().SerializeToString()
ALTERED = (
    "altered: SHA-256 is …, manifest.json says …; nothing of this artifact is used: copy the "
    "directory again or run 'make train'"
)
MANIFEST, ENCODER = "artifact/manifest.json", "artifact/encoder.json"
TAKES = "heads.onnx takes {'vector': [%s], 'features': […]} and gives ['adequacy', %s]; expected "
WANTED = "{'vector': [128], 'features': […]} and ['adequacy', 'output_tokens']"
ARTIFACTS = [
    BadFile(
        "a directory that is not there",
        lambda _: load_artifact(DIR),
        ArtifactError,
        "ARTIFACT_FILE_MISSING",
        "artifact: there is no such artifact directory; give an existing one or run 'make train'",
    ),
    bad(
        "a directory without a manifest",
        (DIR / "manifest.json").unlink,
        "FILE_MISSING",
        f"{MANIFEST}: missing; an artifact directory holds it: {COPY} or run 'make train'",
    ),
    bad(
        "a missing file",
        (DIR / "heads.onnx").unlink,
        "FILE_MISSING",
        f"artifact/heads.onnx: named in manifest.json but missing; {COPY}",
    ),
    bad(
        "one byte of the heads altered",
        file("heads.onnx", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        "ALTERED",
        f"artifact/heads.onnx: {ALTERED}",
    ),
    bad(
        "one byte of the encoder altered",
        file("encoder.onnx", lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]),
        "ALTERED",
        f"artifact/encoder.onnx: {ALTERED}",
    ),
    bad(
        "a manifest edited by hand",
        lambda: edit_json(DIR / "manifest.json", {"adequate_quality": 0.9}),
        "ALTERED",
        f"{MANIFEST}: altered: it states version '…', its content gives '…'; {COPY}",
    ),
    bad(
        "a manifest that is not JSON",
        file("manifest.json", lambda data: data[:-10]),
        "FILE_UNREADABLE",
        f"{MANIFEST}: not readable as JSON (…); {COPY}",
    ),
    bad(
        "a manifest that is a list",
        file("manifest.json", lambda _: b"[1]"),
        "FILE_UNREADABLE",
        f"{MANIFEST}: expected a JSON object, found list",
    ),
    bad(
        "a pipe in the place of a manifest",
        pipe("manifest.json"),
        "FILE_UNREADABLE",
        f"{MANIFEST}: not readable as JSON (no plain file of at most 2147483648 bytes); {COPY}",
    ),
    bad(
        "an artifact of an older format",
        manifest(format=0),
        "FORMAT",
        f"{MANIFEST}: artifact format 0; this release reads format 1: {TRAIN}",
    ),
    bad(
        "an artifact of other text features",
        manifest(features_version=0),
        "FEATURES",
        f"{MANIFEST}: made for text features version 0; this release computes version …: {TRAIN}",
    ),
    bad(
        "a manifest without its files",
        manifest(files={}),
        "MANIFEST",
        f"{MANIFEST}: 'files' must be a table of file names and SHA-256 hashes",
    ),
    bad(
        "a manifest that vouches for only some files",
        lambda: write_manifest(DIR, change=lambda content: content["files"].pop("heads.onnx")),
        "MANIFEST",
        f"{MANIFEST}: 'files' states no SHA-256 for heads.onnx, so it cannot be verified: {COPY}",
    ),
    bad(
        "a manifest that names a file elsewhere",
        lambda: write_manifest(DIR, change=lambda c: c["files"].update({"../x": "0" * 64})),
        "FILE_MISSING",
        f"artifact/../x: named in manifest.json but missing; {COPY}",
    ),
    bad(
        "a manifest without tiers",
        without("tiers"),
        "MANIFEST",
        f"{MANIFEST}: incomplete or of a wrong type (KeyError('tiers')); {TRAIN}",
    ),
    bad(
        "a manifest that names a tier twice",
        manifest(tiers=[{"name": "small", "reference_model": "m"}] * 3),
        "MANIFEST",
        f"{MANIFEST}: incomplete or of a wrong type (ValueError('a tier is named twice')); {TRAIN}",
    ),
    bad(
        "upper output lengths of two tiers in an artifact of three",
        manifest(length_bounds={"coverage": 0.9, "edges": [[], []], "factors": [[2.0], [2.0]]}),
        "LENGTH_BOUNDS",
        f"{MANIFEST}: 'length_bounds' does not fit this artifact (ValueError('bounds of 2 tiers, 3 "
        f"are predicted for')); {TRAIN}",
    ),
    bad(
        "upper output lengths without their factors",
        manifest(length_bounds={"coverage": 0.9, "edges": [[], [], []]}),
        "LENGTH_BOUNDS",
        f"{MANIFEST}: 'length_bounds' does not fit this artifact (KeyError('factors')); {TRAIN}",
    ),
    bad(
        "an encoder of an older format",
        encoder(format=0),
        "FORMAT",
        f"{ENCODER}: format 0 is not the format this release reads (1); rebuild it with "
        "'make encoder'",
    ),
    bad(
        "an encoder without its dimension",
        encoder(dimension=None),
        "MANIFEST",
        f"{ENCODER}: incomplete or of a wrong type (TypeError(…)); rebuild it with 'make encoder'",
    ),
    bad(
        "the encoder of another artifact",
        other_encoder,
        "ENCODER",
        "artifact: the encoder there (abababababab) is not the one the heads were trained on (…): "
        "train again, 'make train'",
    ),
    bad(
        "a graph that is no encoder",
        made("encoder.onnx", ONE_LAYER),
        "GRAPH",
        "artifact/encoder.onnx: takes and gives ['adequacy', 'features', 'output_tokens', "
        "'vector']; an encoder takes input_ids and attention_mask and gives embedding: "
        "rebuild it with 'make encoder'",
    ),
    bad(
        "a graph whose weights lie outside the artifact",
        weights_in("../secret.bin"),
        "GRAPH",
        "artifact/heads.onnx: the weights 'weights' lie in ['../secret.bin'], no verified file; "
        "restore the artifact directory",
    ),
    bad(
        "a graph of an operator that is not onnxruntime's",
        operator_of("my.library"),
        "GRAPH",
        "artifact/heads.onnx: the operator my.library.Concat is not onnxruntime's own; restore "
        "the artifact directory",
    ),
    BadFile(
        "an artifact without a signature, where one is asked for",
        signed((DIR / "manifest.sig").unlink),
        ArtifactError,
        "ARTIFACT_UNSIGNED",
        "artifact/manifest.sig: not there, and artifact_public_key asks for signed artifacts (No "
        "such file or directory); sign it with 'python -m router sign', or ask who made it to",
    ),
    BadFile(
        "an artifact altered after it was signed, with hashes that fit",
        signed(manifest(adequate_quality=0.4)),
        ArtifactError,
        "ARTIFACT_SIGNATURE",
        "artifact/manifest.sig: not a signature of this manifest by the key in signing.pub: the "
        "artifact was altered, or signed with another key; nothing of it is used",
    ),
    bad(
        "a file that is no tokenizer",
        made("tokenizer.json", b"{}"),
        "TOKENIZER",
        "artifact/tokenizer.json: not a tokenizer file (…); restore the artifact directory",
    ),
    bad(
        "heads cut short before they were hashed",
        made("heads.onnx", ONE_LAYER[:1000]),
        "GRAPH",
        "artifact/heads.onnx: not an ONNX model; restore the artifact directory",
    ),
    bad(
        "heads for vectors of another width",
        heads(dimension=64),
        "HEADS",
        TAKES % (64, "'output_tokens'") + f"{WANTED}: {TRAIN}",
    ),
    bad(
        "heads with other outputs",
        heads(outputs=("adequacy", "tokens")),
        "HEADS",
        TAKES % (128, "'tokens'") + f"{WANTED}: {TRAIN}",
    ),
    bad(
        "heads for two tiers in an artifact of three",
        heads(n_tiers=2),
        "HEADS",
        "heads.onnx predicts shapes (2, 2) and (2, 2) for two prompts; the manifest names 3 "
        f"tiers: {TRAIN}",
    ),
    bad(
        "heads in double precision",
        heads(element=TensorProto.DOUBLE),
        "HEADS",
        f"heads.onnx cannot be run on float32 rows, any number at once (…): {TRAIN}",
    ),
    bad(
        "a golden row the predictor does not reproduce",
        golden({"adequacy": [0.1, 0.2, 0.3]}),
        "GOLDEN",
        "artifact: golden row 1 is not reproduced: expected [0.1, 0.2, 0.3, …], got […] "
        "(adequacies, then log output tokens); this machine's onnxruntime computes something "
        "else: reinstall it as constraints.txt says",
    ),
    bad(
        "a golden row of other tiers",
        golden({"adequacy": [0.1, 0.2]}),
        "GOLDEN",
        "artifact: golden row 1 is not reproduced: expected [0.1, 0.2, …], got […] (adequacies, "
        "then log output tokens); this machine's onnxruntime computes something else: reinstall "
        "it as constraints.txt says",
    ),
    bad(
        "a golden row without its text",
        made("golden.jsonl", b'{"adequacy": [], "output_tokens": []}'),
        "GOLDEN",
        f"artifact/golden.jsonl:1: not a golden row (KeyError('text')); {COPY}",
    ),
    bad(
        "no golden row",
        made("golden.jsonl", b""),
        "GOLDEN",
        "artifact/golden.jsonl: holds no golden row, so the predictor cannot be checked; train "
        "again",
    ),
    bad(
        "golden rows that are not text",
        made("golden.jsonl", b"\xff\xfe"),
        "FILE_UNREADABLE",
        f"artifact/golden.jsonl: not readable (…); {COPY}",
    ),
    BadFile(
        "a catalog of other tiers",
        with_catalog(tiers=load_catalog(CATALOG).tiers[:2]),
        ArtifactError,
        "ARTIFACT_TIERS",
        "artifact: predicts for tiers ['small', 'medium', 'large'], the catalog 'default' has "
        "['small', 'medium']: use the catalog it was trained with, or train again with "
        "'make train CATALOG=...'",
    ),
    BadFile(
        "a catalog with another threshold",
        with_catalog(adequate_quality=0.7),
        ArtifactError,
        "ARTIFACT_TIERS",
        "artifact: trained for adequate_quality 0.5, the catalog 'default' says 0.7: make them "
        "equal or train again",
    ),
    bad(
        "a contract.json that holds no calibration",
        extra(PROMISE_FILE),
        "PROMISE",
        "artifact/contract.json: not a calibration of contracts (artifact/contract.json: format "
        "None; this release reads format 1: calibrate again); calibrate again",
    ),
    bad(
        "a topics.json that holds no topics",
        extra(TOPICS_FILE),
        "TOPICS",
        "artifact/topics.json: not a calibration of topics (artifact/topics.json: format None; "
        "this release reads format 1: calibrate again); calibrate again",
    ),
    bad(
        "a review.json that holds no review",
        extra(REVIEW_FILE),
        "REVIEW",
        "artifact/review.json: not a review of this artifact (…); run 'make review' again",
    ),
    BadFile(
        "a contract per topic of an artifact without topics",
        without_topics,
        NotCalibratedError,
        "TOPICS_NOT_CALIBRATED",
        "goal.contract.per_topic given, but artifact … knows no topics: leave it out, or serve an "
        "artifact of 'make train'",
    ),
]
