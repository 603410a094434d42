"""The files of an onboarding: an artifact with a tier more, and the merged catalog beside it.

Encoder files are taken over as they are. A calibration of contracts, a review and upper output
lengths are not: they hold for the tiers they were made with. The result is loaded as the server
would load it before it replaces anything.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from eval.bootstrap import Interval
from router.catalog import load_catalog
from router.engine import build_engine
from router.errors import TrainingError
from router.predict.artifact import LENGTH_BOUNDS, Artifact, load_artifact
from router.predict.encoder import open_session
from router.predict.features import FEATURE_NAMES
from router.predict.files import read_json
from router.predict.golden import read_golden
from router.predict.heads import Heads
from router.predict.parts import PROMISE_FILE, REVIEW_FILE, REVIEWED_FILE, TOPICS_FILE
from training.export import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    replace_directory,
    write_golden_rows,
    write_heads,
    write_manifest,
)
from training.onboard.ability import Ability
from training.onboard.certainty import Certainty
from training.onboard.graph import extend_heads
from training.onboard.lengths import LengthRatio

_HEADS, _CARD = "heads.onnx", "MODEL_CARD.md"
_CLOSE = 1e-4


@dataclass(frozen=True, slots=True)
class Onboarding:
    """What the manifest and the model card say of a new tier."""

    tier: str
    model: str
    rank: int
    data_sha256: str
    ability: Ability
    length: LengthRatio
    certainty: Certainty


def write_onboarded(base: Artifact, out: Path, made: Onboarding, catalog: str) -> tuple[str, Path]:
    """Write the artifact to ``out`` and the catalog beside it.

    Args:
        base: Artifact that is extended.
        out: Directory that is replaced.
        made: The new tier.
        catalog: Text of the merged catalog.

    Returns:
        The version of the new artifact, and the catalog file.

    Raises:
        TrainingError: the extended graph does not give what was fitted.
        ArtifactError: it cannot be loaded as the server would.
    """
    graph = extend_heads(onnx.load(base.directory / _HEADS), made.ability, made.length, made.rank)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".artifact-") as temporary:
        place = Path(temporary) / "artifact"
        shutil.copytree(base.directory, place)
        for name in (PROMISE_FILE, TOPICS_FILE, REVIEW_FILE, REVIEWED_FILE):
            (place / name).unlink(missing_ok=True)
        write_heads(place, graph)
        _write_golden(place, base, made)
        card = (place / _CARD).read_text(encoding="utf-8") if (place / _CARD).exists() else ""
        (place / _CARD).write_text(f"{card.rstrip()}\n\n{_card(base, made)}", encoding="utf-8")
        version = write_manifest(place, _manifest(place, base, made))
        merged = Path(temporary) / "catalog.toml"
        merged.write_text(catalog, encoding="utf-8")
        build_engine(load_artifact(place), load_catalog(merged))
        replace_directory(place, out)
        beside = out.with_name(f"{out.name}.catalog.toml")
        merged.replace(beside)
    return version, beside


def _write_golden(place: Path, base: Artifact, made: Onboarding) -> None:
    """Write golden rows for the same texts; the known tiers' numbers must not have moved."""
    rows = read_golden(base.directory / GOLDEN_FILE)
    texts = [row.text for row in rows]
    vectors, features = base.encoder.encode(texts)
    tiers = len(base.manifest.tiers)
    heads = Heads(
        open_session(place / _HEADS),
        dimension=vectors.shape[1],
        n_features=len(FEATURE_NAMES),
        n_tiers=tiers + 1,
    )
    before, before_tokens = (part.astype(np.float64) for part in base.heads.run(vectors, features))
    after, after_tokens = heads.run(vectors, features)
    wanted = np.insert(before, made.rank, made.ability.adequacy(before), axis=1)
    wanted_tokens = np.insert(before_tokens, made.rank, made.length.tokens(before_tokens), axis=1)
    gap = np.abs(after - wanted).max()
    token_gap = np.abs(np.log1p(after_tokens) - np.log1p(wanted_tokens)).max()
    if not max(gap, token_gap) <= _CLOSE:
        raise TrainingError(
            f"the extended graph does not give what was fitted: adequacy differs by {gap:.2g}, "
            f"log tokens by {token_gap:.2g}; allowed is {_CLOSE}. Nothing was written",
            reason="PARITY_GATE",
        )
    write_golden_rows(place, texts, after, after_tokens)


def _manifest(place: Path, base: Artifact, made: Onboarding) -> dict[str, Any]:
    manifest = read_json(place / MANIFEST_FILE)
    manifest.pop("promise", None)
    manifest.pop(LENGTH_BOUNDS, None)
    manifest["tiers"].insert(made.rank, {"name": made.tier, "reference_model": made.model})
    sure = made.certainty
    manifest.setdefault("onboarded", []).append(
        {
            "tier": made.tier,
            "reference_model": made.model,
            "base_version": base.version,
            "data_sha256": made.data_sha256,
            "labels": made.ability.labels,
            "labels_with_length": made.length.labels,
            "weights": [round(weight, 6) for weight in made.ability.weights.tolist()],
            "bias": round(made.ability.bias, 6),
            "length_of": base.tier_names[made.length.tier],
            "length_ratio": round(made.length.ratio, 6),
            "mean_adequacy": _numbers(sure.mean_adequacy),
            "expected_calibration_error": _numbers(sure.ece),
            "gain_over_mean_nats": _numbers(sure.gain_over_mean),
        }
    )
    return manifest


def _numbers(value: Interval) -> list[float]:
    return [round(one, 6) for one in (value.value, value.low, value.high)]


def _card(base: Artifact, made: Onboarding) -> str:
    sure = made.certainty
    return f"""# Tier added later: {made.tier}

`{made.tier}` stands for `{made.model}`. It was added to artifact `{base.version}` from
{made.ability.labels} labels without training again: its adequacy is a logistic function of the
other tiers', its length {made.length.ratio:.2f} times that of
`{base.tier_names[made.length.tier]}`. Adequate among the labels: {sure.mean_adequacy.value:.3f}
[{sure.mean_adequacy.low:.3f}, {sure.mean_adequacy.high:.3f}]; calibration error
{sure.ece.value:.3f} [{sure.ece.low:.3f}, {sure.ece.high:.3f}], cross-fitted, of which
{sure.ece_if_calibrated:.3f} would be there without any error.
"""
