"""The outcomes that ship, and the artifact that was made of them, belong together."""

import json
from pathlib import Path

import numpy as np
import pytest

from eval.outcomes import OutcomeTable, read_outcomes
from eval.split import PARTS, assign_split
from router.catalog import load_catalog
from router.defaults import default_artifact_directory, default_catalog_path
from router.predict.artifact import Manifest, read_manifest
from router.predict.encoder import TextEncoder
from router.predict.features import FEATURE_NAMES, FEATURES_VERSION
from training.labels import rows_with_tiers
from training.settings import FRACTIONS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bundled() -> OutcomeTable:
    return read_outcomes(ROOT / "data" / "outcomes")


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return read_manifest(default_artifact_directory())


@pytest.mark.parametrize("seed", [0, 1])
def test_no_duplicate_group_stands_on_two_sides(bundled: OutcomeTable, seed: int) -> None:
    parts = assign_split(bundled.group, seed)
    groups = [set(bundled.group[parts == part].tolist()) for part in PARTS]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    assert sum(map(len, groups)) == len(np.unique(bundled.group))


def test_one_text_never_stands_in_two_groups(bundled: OutcomeTable) -> None:
    pairs = set(zip(bundled.prompt_ids.tolist(), bundled.group.tolist(), strict=True))
    assert len(pairs) == len(np.unique(bundled.prompt_ids))


def test_the_vectors_are_those_of_the_shipped_encoder(bundled: OutcomeTable) -> None:
    encoder = TextEncoder(default_artifact_directory())
    assert bundled.encoder_sha256 == encoder.encoder_sha256
    assert bundled.vectors.shape[1] == encoder.info.dimension
    assert bundled.features.shape[1] == len(FEATURE_NAMES)
    assert bundled.features_version == str(FEATURES_VERSION)


def test_the_shipped_artifact_was_made_of_the_shipped_outcomes(
    bundled: OutcomeTable, manifest: Manifest
) -> None:
    assert manifest.data_sha256 == bundled.content_hash()
    assert manifest.encoder_sha256 == bundled.encoder_sha256


def test_the_shipped_artifact_learnt_the_default_catalogs_tiers(
    bundled: OutcomeTable, manifest: Manifest
) -> None:
    catalog = load_catalog(default_catalog_path())
    assert [(tier.name, tier.reference_model) for tier in manifest.tiers] == [
        (tier.name, tier.reference_model) for tier in catalog.tiers
    ]
    usable = rows_with_tiers(bundled, catalog)
    parts = assign_split(usable.group, manifest.split_seed, FRACTIONS)
    counted = {part: int((parts == part).sum()) for part in PARTS}
    assert manifest.extra["training"]["rows"] == counted
    assert manifest.extra["split"]["fractions"] == list(FRACTIONS)


def test_the_shipped_manifest_names_no_place_or_time() -> None:
    text = (default_artifact_directory() / "manifest.json").read_text(encoding="utf-8")
    assert not {"/", "\\"} & set(text)
    assert not {"created", "host", "time"} & set(json.loads(text))
