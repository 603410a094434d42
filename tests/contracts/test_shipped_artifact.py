"""The artifact that ships loads, reproduces its golden rows and fits the catalog that ships."""

import numpy as np
import pytest

from router.catalog import load_catalog
from router.defaults import default_artifact_directory, default_catalog_path
from router.engine import Engine, build_engine
from router.predict.artifact import Artifact, load_artifact
from router.predict.golden import GoldenRow, read_golden
from router.predict.predictor import predict, predict_many
from router.types import DecisionReason, Goal, Message, Request

MOST_BYTES = 12_000_000


@pytest.fixture(scope="module")
def shipped() -> Artifact:
    return load_artifact(default_artifact_directory())


@pytest.fixture(scope="module")
def shipped_engine(shipped: Artifact) -> Engine:
    return build_engine(shipped, load_catalog(default_catalog_path()))


@pytest.fixture(scope="module")
def golden() -> list[GoldenRow]:
    return read_golden(default_artifact_directory() / "golden.jsonl")


def test_golden_rows_are_reproduced_one_by_one_and_together(
    shipped: Artifact, golden: list[GoldenRow]
) -> None:
    conversations = [[Message("user", row.text)] for row in golden]
    together = predict_many(shipped, conversations)
    for row, messages, prediction in zip(golden, conversations, together, strict=True):
        for given in (predict(shipped, messages), prediction):
            np.testing.assert_allclose(given.adequacy, row.adequacy, atol=2e-3)
            np.testing.assert_allclose(given.output_tokens, row.output_tokens, rtol=2e-3)


def test_golden_rows_differ_so_that_they_say_something(golden: list[GoldenRow]) -> None:
    assert len(golden) >= 10
    assert len({row.text for row in golden}) == len(golden)
    assert len({row.adequacy for row in golden}) > len(golden) // 2


def test_adequacies_are_probabilities_and_lengths_are_positive(golden: list[GoldenRow]) -> None:
    for row in golden:
        assert all(0.0 <= share <= 1.0 for share in row.adequacy)
        assert all(tokens > 0.0 for tokens in row.output_tokens)


def test_the_shipped_artifact_fits_the_shipped_catalog(shipped_engine: Engine) -> None:
    assert set(shipped_engine.artifact.tier_names) == {"small", "medium", "large"}
    references = {tier.name: tier.reference_model for tier in shipped_engine.catalog.tiers}
    trained_on = {
        tier.name: tier.reference_model for tier in shipped_engine.artifact.manifest.tiers
    }
    assert references == trained_on


def test_a_greeting_stays_small_when_little_is_asked_and_all_is_answered(
    shipped_engine: Engine,
) -> None:
    hello = Request((Message("user", "Hi there!"),), Goal(quality_target=0.0))
    assert shipped_engine.route(hello).chosen.deployment.tier == "small"
    impossible = Request(hello.messages, Goal(quality_target=1.0))
    assert shipped_engine.route(impossible).reason in {
        DecisionReason.TARGET_UNREACHABLE,
        DecisionReason.TARGET_MET,
    }


def test_the_shipped_files_are_small() -> None:
    files = [path for path in default_artifact_directory().iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
