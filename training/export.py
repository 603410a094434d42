"""An artifact directory from a fitted candidate: encoder, heads, golden rows, card, manifest.

Written to a temporary place first and moved whole, so a directory is never half an artifact. The
bytes depend only on data, settings and seed: no clock, no path, no machine name goes in.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from eval.split import METHOD
from router.catalog import Catalog
from router.defaults import sample_prompts_path
from router.errors import TrainingError
from router.predict.artifact import ARTIFACT_FORMAT, LENGTH_BOUNDS, manifest_version
from router.predict.encoder import TextEncoder, open_session
from router.predict.features import FEATURE_NAMES, FEATURES_VERSION
from router.predict.heads import Float32Matrix, Heads
from router.predict.length_bounds import LengthBounds, length_bounds_to_json
from router.predict.parts import FUSED_FILE
from router.predict.window import window
from router.types import Message
from training.fuse import fuse

MANIFEST_FILE = "manifest.json"
GOLDEN_FILE = "golden.jsonl"
ENCODER_FILES = ("encoder.json", "encoder.onnx", "tokenizer.json")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the manifest says of how the heads came about.

    Attributes:
        candidate: Name of the chosen candidate.
        distilled: Whether the heads are a student of that candidate.
        seed: Of fitting and of the split.
        fractions: Shares of train, validation and test.
        data_sha256: Content hash of the whole outcome table.
        rows: Rows with an outcome of every tier, per part.
        validation_log_loss: Of every candidate, nats.
        sources: Names of the data sources.
        prior_rows: Training examples made from a coverage file's prior part.
        prior_sha256: Of that file; empty without a prior.
        otherwise_rows: Prompts written otherwise that the student learnt from.
        length_bounds: Upper output lengths; None: too few lengths were counted.
    """

    candidate: str
    distilled: bool
    seed: int
    fractions: tuple[float, float, float]
    data_sha256: str
    rows: Mapping[str, int]
    validation_log_loss: Mapping[str, float]
    sources: Sequence[str]
    prior_rows: int = 0
    prior_sha256: str = ""
    otherwise_rows: int = 0
    length_bounds: LengthBounds | None = None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_artifact(
    directory: Path, heads: onnx.ModelProto, encoder: Path, catalog: Catalog, made: Provenance
) -> None:
    """Write an artifact directory, replacing what is there in one move.

    Args:
        directory: Where to.
        heads: Graph of ``training.graph`` or ``training.student_graph``.
        encoder: Directory whose encoder files are taken along.
        catalog: Tiers and threshold of adequacy.
        made: Goes into manifest and model card.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".artifact-") as temporary:
        place = Path(temporary) / "artifact"
        place.mkdir()
        for name in ENCODER_FILES:
            shutil.copyfile(encoder / name, place / name)
        write_heads(place, heads)
        _write_golden(place, len(catalog.tiers))
        manifest = _manifest(place, catalog, made)
        (place / "MODEL_CARD.md").write_text(_card(manifest, made), encoding="utf-8")
        write_manifest(place, manifest)
        replace_directory(place, directory)


def write_heads(place: Path, heads: onnx.ModelProto) -> None:
    """Write the heads, alone and if it can be joined to the encoder that lies in ``place``."""
    fused = fuse(place / "encoder.onnx", heads)
    for name, model in (("heads.onnx", heads), (FUSED_FILE, fused)):
        (place / name).unlink(missing_ok=True)
        if model is not None:
            (place / name).write_bytes(model.SerializeToString(deterministic=True))


def write_manifest(place: Path, manifest: dict[str, Any]) -> str:
    """Write ``manifest.json`` with the hash of every other file there; return the version."""
    others = (path for path in sorted(place.iterdir()) if path.name != MANIFEST_FILE)
    manifest["files"] = {path.name: sha256_of(path) for path in others}
    version = manifest_version(manifest)
    manifest["version"] = version
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
    (place / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")
    return version


def copy_artifact(source: Path, target: Path) -> None:
    """Copy an artifact directory, replacing ``target`` in one move."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".artifact-") as temporary:
        place = Path(temporary) / "artifact"
        shutil.copytree(source, place)
        replace_directory(place, target)


def replace_directory(new: Path, target: Path) -> None:
    """Move ``new`` to ``target``, setting an older ``target`` aside until the move is done."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def sample_texts() -> list[str]:
    """Return the prompts written for this project, as the predictor reads them."""
    lines = sample_prompts_path().read_text(encoding="utf-8").splitlines()
    texts = [window((Message("user", json.loads(line)["prompt"]),)) for line in lines]
    if not texts:
        raise TrainingError(f"{sample_prompts_path()}: holds no prompt; golden rows need some")
    return texts


def _write_golden(place: Path, n_tiers: int) -> None:
    encoder = TextEncoder(place)
    heads = Heads(
        open_session(place / "heads.onnx"),
        dimension=encoder.info.dimension,
        n_features=len(FEATURE_NAMES),
        n_tiers=n_tiers,
    )
    texts = sample_texts()
    write_golden_rows(place, texts, *heads.run(*encoder.encode(texts)))


def write_golden_rows(
    place: Path, texts: Sequence[str], adequacy: Float32Matrix, output_tokens: Float32Matrix
) -> None:
    """Write ``golden.jsonl``: texts with what the heads say of them, float32 (n, T) each."""
    rows = [
        json.dumps(
            {
                "text": text,
                "adequacy": [round(value, 6) for value in adequacy[row].tolist()],
                "output_tokens": [round(value, 3) for value in output_tokens[row].tolist()],
            },
            ensure_ascii=False,
        )
        for row, text in enumerate(texts)
    ]
    (place / GOLDEN_FILE).write_text("\n".join(rows) + "\n", encoding="utf-8")


def _manifest(place: Path, catalog: Catalog, made: Provenance) -> dict[str, Any]:
    bounds = made.length_bounds
    return {
        **({LENGTH_BOUNDS: length_bounds_to_json(bounds)} if bounds else {}),
        "format": ARTIFACT_FORMAT,
        "features_version": FEATURES_VERSION,
        "encoder_sha256": TextEncoder(place).encoder_sha256,
        "tiers": [
            {"name": tier.name, "reference_model": tier.reference_model} for tier in catalog.tiers
        ],
        "adequate_quality": catalog.adequate_quality,
        "data_sha256": made.data_sha256,
        "split": {"seed": made.seed, "method": METHOD, "fractions": list(made.fractions)},
        "training": {
            "candidate": made.candidate,
            "distilled": made.distilled,
            "seed": made.seed,
            "rows": dict(made.rows),
            "sources": list(made.sources),
            "prior": {"rows": made.prior_rows, "sha256": made.prior_sha256},
            "otherwise": {"rows": made.otherwise_rows},
            "validation_log_loss": {
                name: round(loss, 6) for name, loss in made.validation_log_loss.items()
            },
        },
    }


def _card(manifest: Mapping[str, Any], made: Provenance) -> str:
    tiers = "\n".join(
        f"- `{tier['name']}`: outcomes of `{tier['reference_model']}`" for tier in manifest["tiers"]
    )
    losses = "\n".join(
        f"| {name} | {loss:.4f} |" for name, loss in sorted(made.validation_log_loss.items())
    )
    rows = ", ".join(f"{count} {part}" for part, count in made.rows.items())
    return f"""# Model card

**What it is.** A predictor of P(adequate answer) and of output length for each tier, from the text
of a prompt alone. Candidate: {made.candidate}{", distilled" * made.distilled}; seed {made.seed}.

**Tiers.**
{tiers}

Adequate means a recorded quality of at least {manifest["adequate_quality"]}.

**Learnt from.** {", ".join(made.sources)} ({rows} prompts, split by duplicate group). Data hash
`{made.data_sha256[:16]}`, encoder `{manifest["encoder_sha256"][:16]}`. Numbers only: no prompt is
in this directory but the golden rows, which were written for this project. {made.prior_rows}
further training examples are a weak prior from prompts written for this project (data/coverage); no
evaluation contains them.

**Validation log loss (nats, mean over tiers).**

| candidate | log loss |
|---|---|
{losses}

**Use.** To choose a tier before a language model is called. Its probabilities are calibrated on the
validation part of the data above; on traffic unlike them they are extrapolations: record outcomes
and train again.

**Not for.** Judging people or answers; a promise of quality on traffic it has not been calibrated
on.
"""
