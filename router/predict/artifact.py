"""An artifact: the predictor as files, verified before anything of it is used.

An artifact directory holds an encoder (``encoder.json``, ``encoder.onnx``, ``tokenizer.json``),
``heads.onnx`` (vector and features to adequacy and output tokens per tier), usually ``fused.onnx``
(both in one graph), ``golden.jsonl`` (texts with the answers the predictor must give),
``MODEL_CARD.md``, once it was calibrated for contracts ``contract.json`` and, for contracts per
topic, ``topics.json``, once a review was fitted ``review.json`` and, for contracts over reviews,
``reviewed.json``, and ``manifest.json`` (what it is, and the SHA-256 of each file). Here it is
read; writing one is ``training.export``.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.errors import ArtifactError
from router.predict.compiled_graph import Compiled
from router.predict.encoder import TextEncoder, open_session
from router.predict.features import FEATURE_NAMES, FEATURES_VERSION
from router.predict.files import ReadOnce, read_json, verify_files
from router.predict.fused import Fused
from router.predict.golden import check_golden, read_golden
from router.predict.heads import Heads
from router.predict.length_bounds import LengthBounds, length_bounds_from_json
from router.predict.parts import Parts
from router.predict.plain import Plain
from router.predict.signature import verify_signature
from router.promise.calibrated import Promise
from router.review.heads import ReviewModel

ARTIFACT_FORMAT = 1
_ENCODER_FILES = ("encoder.json", "encoder.onnx", "tokenizer.json")
_VERIFIED = (*_ENCODER_FILES, "heads.onnx", "golden.jsonl")
LENGTH_BOUNDS = "length_bounds"


@dataclass(frozen=True, slots=True)
class TierRef:
    """A tier the artifact predicts for, and the model whose outcomes it learnt."""

    name: str
    reference_model: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The checked part of ``manifest.json``. ``extra`` keeps training facts for reports."""

    version: str
    tiers: tuple[TierRef, ...]
    adequate_quality: float
    encoder_sha256: str
    data_sha256: str
    split_seed: int
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified artifact, ready to predict. Immutable; swapped whole."""

    directory: Path
    manifest: Manifest
    encoder: TextEncoder
    heads: Heads
    fused: Fused | Plain | Compiled | None = None
    promise: Promise | None = None
    review: ReviewModel | None = None
    length_bounds: LengthBounds | None = None

    @property
    def version(self) -> str:
        """Hash of the manifest, and so of every file: two artifacts differ or are the same."""
        return self.manifest.version

    @property
    def tier_names(self) -> tuple[str, ...]:
        """Names of the tiers predicted for, in the order of every prediction."""
        return tuple(tier.name for tier in self.manifest.tiers)


def manifest_version(content: Mapping[str, Any]) -> str:
    """Return the version a manifest must state: 16 hex digits over everything else in it."""
    rest = {key: value for key, value in content.items() if key != "version"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_manifest(directory: Path, files: ReadOnce | None = None) -> Manifest:
    """Read ``manifest.json`` and verify every file it names.

    Args:
        directory: The artifact.
        files: Of it; by default they are read anew.

    Raises:
        ArtifactError: the directory or a file is missing, altered, of another format or release.
    """
    path = directory / "manifest.json"
    if not directory.is_dir():
        raise ArtifactError(
            f"{directory}: there is no such artifact directory; give an existing one or run "
            "'make train'",
            reason="ARTIFACT_FILE_MISSING",
            metadata={"file": str(directory)},
        )
    files = files or ReadOnce(directory)
    content = read_json(path, files)
    if content.get("format") != ARTIFACT_FORMAT:
        raise ArtifactError(
            f"{path}: artifact format {content.get('format')!r}; this release reads format "
            f"{ARTIFACT_FORMAT}: train again with 'make train'",
            reason="ARTIFACT_FORMAT",
            metadata={"file": str(path)},
        )
    expected = manifest_version(content)
    if content.get("version") != expected:
        raise ArtifactError(
            f"{path}: altered: it states version {content.get('version')!r}, its content gives "
            f"{expected!r}; copy the directory again",
            reason="ARTIFACT_ALTERED",
            metadata={"file": str(path), "expected": expected},
        )
    if content.get("features_version") != FEATURES_VERSION:
        raise ArtifactError(
            f"{path}: made for text features version {content.get('features_version')!r}; this "
            f"release computes version {FEATURES_VERSION}: train again with 'make train'",
            reason="ARTIFACT_FEATURES",
            metadata={"file": str(path)},
        )
    verify_files(files, content.get("files"), path, _VERIFIED)
    try:
        tiers = tuple(
            TierRef(str(tier["name"]), str(tier["reference_model"])) for tier in content["tiers"]
        )
        if len({tier.name for tier in tiers}) < len(tiers):
            raise ValueError("a tier is named twice")
        return Manifest(
            version=expected,
            tiers=tiers,
            adequate_quality=float(content["adequate_quality"]),
            encoder_sha256=str(content["encoder_sha256"]),
            data_sha256=str(content["data_sha256"]),
            split_seed=int(content["split"]["seed"]),
            extra=content,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{path}: incomplete or of a wrong type ({error!r}); train again with 'make train'",
            reason="ARTIFACT_MANIFEST",
            metadata={"file": str(path)},
        ) from error


def load_artifact(
    directory: Path, known: Sequence[Artifact] = (), *, public_key: Path | None = None
) -> Artifact:
    """Load, verify and try an artifact: signature, hashes, formats, shapes, then golden rows.

    Every file is read once, so nothing that happens to the directory later changes the artifact.

    Args:
        directory: The artifact.
        known: Artifacts loaded before. One of the same version is returned itself, once the files
            are verified; of another, an encoder or tokenizer of the same files is shared.
        public_key: PEM file of the Ed25519 key that must have signed it; None asks for none.

    Raises:
        ArtifactError: anything is not as the manifest says; nothing of it is used then.
        ConfigError, MissingExtraError: the signature cannot be looked at.
    """
    files = ReadOnce(directory)
    if public_key is not None:
        verify_signature(files, public_key)
    manifest = read_manifest(directory, files)
    for one in known:
        if one.version == manifest.version:
            return one
    encoder = _shared_encoder(manifest, known) or TextEncoder(
        directory, files, [one.encoder for one in known]
    )
    if encoder.encoder_sha256 != manifest.encoder_sha256:
        raise ArtifactError(
            f"{directory}: the encoder there ({encoder.encoder_sha256[:12]}) is not the one the "
            f"heads were trained on ({manifest.encoder_sha256[:12]}): train again, 'make train'",
            reason="ARTIFACT_ENCODER",
            metadata={"file": str(directory)},
        )
    parts = Parts(files, manifest.extra["files"].__contains__)
    n_tiers = len(manifest.tiers)
    heads = Heads(
        open_session(directory / "heads.onnx", files),
        dimension=encoder.info.dimension,
        n_features=len(FEATURE_NAMES),
        n_tiers=n_tiers,
    )
    artifact = Artifact(
        directory,
        manifest,
        encoder,
        heads,
        parts.fused(heads, encoder.info.dimension),
        parts.promise(encoder.info.dimension),
        parts.review(n_tiers),
        _length_bounds(directory, manifest),
    )
    check_golden(artifact, read_golden(directory / "golden.jsonl", files))
    return artifact


def _shared_encoder(manifest: Manifest, known: Sequence[Artifact]) -> TextEncoder | None:
    """Return the encoder of a known artifact whose files have the same hashes, if there is one."""
    wanted = [manifest.extra["files"][name] for name in _ENCODER_FILES]
    for one in known:
        if [one.manifest.extra["files"][name] for name in _ENCODER_FILES] == wanted:
            return one.encoder
    return None


def _length_bounds(directory: Path, manifest: Manifest) -> LengthBounds | None:
    """Read the upper output lengths, if the manifest has them."""
    if LENGTH_BOUNDS not in manifest.extra:
        return None
    content = manifest.extra[LENGTH_BOUNDS]
    return length_bounds_from_json(content, len(manifest.tiers), directory / "manifest.json")
