"""Calibrating an artifact for contracts: ``make calibrate``, and the last step of ``make train``.

Only what is promised changes: the heads stay as they are, and ``contract.json`` is added, with
``topics.json`` where topics are known or can be found, so the artifact gets another version. The
rule and the test are ``router.promise``; what is promised, and what breaks it, is docs/promise.md.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.arrays import BoolArray
from eval.outcomes import OutcomeTable, require_inputs
from eval.split import PARTS, assign_split
from router.catalog import Catalog
from router.engine import build_engine
from router.errors import TrainingError
from router.predict.artifact import Artifact, Manifest, load_artifact
from router.predict.files import read_json
from router.predict.parts import PROMISE_FILE, REVIEWED_FILE, TOPICS_FILE
from router.promise.contract import CalibrationCounts, count_losses
from router.promise.rule import realised_loss
from router.promise.saved import counts_to_json
from router.promise.topics import TopicCounts, Topics, count_by_topic
from router.promise.topics_file import topics_to_json
from training.export import MANIFEST_FILE, replace_directory, write_manifest
from training.topics import fit_topics

FEWEST_PROMPTS = 200


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a calibration rests on, and the version of the artifact that carries it.

    ``by_topic`` is None where the artifact knows no topics.
    """

    counts: CalibrationCounts
    by_topic: TopicCounts | None
    artifact_version: str


def calibrate(
    artifact: Path,
    out: Path,
    table: OutcomeTable,
    catalog: Catalog,
    topics_from: Path | None = None,
) -> Calibrated:
    """Write a copy of an artifact that can keep contracts on traffic like ``table``.

    Topics are those the artifact has, or another one that is named. If there are none, they are
    found among the prompts it learnt from, which only the very table it was trained on holds; with
    other labels it gets none, since topics that were found among the calibration prompts would void
    the promise.

    Args:
        artifact: Artifact directory; may be ``out`` itself.
        out: Directory that is replaced.
        table: Outcomes of the tiers' reference models on prompts the predictor has not seen. Of
            the very table it was trained on, only the held-out part is used; of any duplicate
            group, only the first prompt, because calibration needs independent draws.
        catalog: Tiers, their reference models and the threshold of adequacy.
        topics_from: Directory of another artifact, whose topics are taken: of one that was
            onboarded, the artifact it started from.

    Raises:
        TrainingError: fewer than ``FEWEST_PROMPTS`` prompts are left, or the other artifact has no
            topics or another encoder.
        DataError, ArtifactError: the data or the artifact are refused.
    """
    engine = build_engine(load_artifact(artifact), catalog)
    manifest = engine.artifact.manifest
    require_inputs(table, manifest.encoder_sha256)
    usable = table.for_models([tier.reference_model for tier in catalog.tiers])
    data_sha256 = table.content_hash()
    topics = _known_topics(engine.artifact)
    if topics_from is not None:
        topics = topics_of_another(load_artifact(topics_from), topics_from, manifest)
    if data_sha256 == manifest.data_sha256:
        held_out = held_out_part(usable, manifest)
        topics = topics or _found_topics(usable.select(~held_out), manifest)
        usable = usable.select(held_out)
    _, first = np.unique(usable.group, return_index=True)
    prompts = usable.select(np.sort(first))
    if len(prompts) < FEWEST_PROMPTS:
        raise TrainingError(
            f"{len(prompts)} independent prompts with an outcome of every tier are left, at least "
            f"{FEWEST_PROMPTS} are needed to calibrate a contract: add labels",
            reason="TOO_FEW_EXAMPLES",
        )
    adequacy, _ = engine.artifact.heads.run(prompts.vectors, prompts.features)
    loss = realised_loss(prompts.quality >= catalog.adequate_quality)
    counts = count_losses(adequacy, loss)
    by_topic = count_by_topic(topics, prompts.vectors, adequacy, loss) if topics else None
    return Calibrated(counts, by_topic, _write(artifact, out, counts, by_topic, data_sha256))


def _known_topics(artifact: Artifact) -> Topics | None:
    if artifact.promise is None or artifact.promise.by_topic is None:
        return None
    return artifact.promise.by_topic.topics


def _found_topics(learnt_from: OutcomeTable, manifest: Manifest) -> Topics | None:
    try:
        return fit_topics(learnt_from, manifest.split_seed)
    except TrainingError:  # too few prompts: contracts over all traffic are all there can be
        return None


def topics_of_another(other: Artifact, place: Path, manifest: Manifest) -> Topics:
    """Return the topics of another artifact, which lies at ``place``.

    Raises:
        TrainingError: it has none, or not the encoder the manifest names.
    """
    topics = _known_topics(other)
    if topics is None:
        raise TrainingError(
            f"{place}: has no topics to take over: 'make train' finds them",
            reason="NO_TOPICS",
        )
    if other.manifest.encoder_sha256 != manifest.encoder_sha256:
        raise TrainingError(
            f"{place}: its topics are places among the vectors of encoder "
            f"{other.manifest.encoder_sha256}, not of {manifest.encoder_sha256}: name an artifact "
            "with the same encoder",
            reason="ENCODER_MISMATCH",
        )
    return topics


def held_out_part(table: OutcomeTable, manifest: Manifest) -> BoolArray:
    """Say which rows the artifact's training has held out, (n,)."""
    low, middle, high = manifest.extra["split"]["fractions"]
    parts = assign_split(table.group, manifest.split_seed, (low, middle, high))
    return np.asarray(parts == PARTS[2])


def _write(
    artifact: Path,
    out: Path,
    counts: CalibrationCounts,
    by_topic: TopicCounts | None,
    data_sha256: str,
) -> str:
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".artifact-") as temporary:
        place = Path(temporary) / "artifact"
        shutil.copytree(artifact, place)
        (place / PROMISE_FILE).write_text(counts_to_json(counts) + "\n", encoding="utf-8")
        manifest = read_json(place / MANIFEST_FILE)
        manifest["promise"] = {"data_sha256": data_sha256, "prompts": counts.n}
        # What reviews were calibrated on belongs to the calibration that is replaced.
        (place / REVIEWED_FILE).unlink(missing_ok=True)
        if by_topic is not None:
            (place / TOPICS_FILE).write_text(topics_to_json(by_topic) + "\n", encoding="utf-8")
            manifest["promise"]["topics"] = {
                name: one.n
                for name, one in zip(by_topic.topics.names, by_topic.counts, strict=True)
            }
        version = write_manifest(place, manifest)
        replace_directory(place, out)
    return version
