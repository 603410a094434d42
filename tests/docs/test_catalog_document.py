"""docs/catalog.md names every key and quotes the messages a user really sees."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from router import catalog as module
from router.catalog import load_catalog
from router.cost import stated
from router.defaults import default_artifact_directory, default_catalog_path
from router.engine import build_engine
from router.errors import ArtifactError, CatalogError
from router.predict.artifact import Artifact, load_artifact
from router.types import IneligibleReason, Message, Needs, Request

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "data" / "catalog.example.toml"

MISTAKES = [
    ('name = "two-tiers"', "name = two-tiers", "not readable as TOML: Invalid value (at line 2"),
    ("max_output_tokens = 4096", "max_output_tokens = 4096\nvison = true", "deployments[0].vison"),
    ("adequate_quality = 0.5", "", "adequate_quality = None: missing"),
    ("adequate_quality = 0.5", "adequate_quality = 50", "adequate_quality = 50: must"),
    ("format = 1", "format = 2", "format = 2: this release"),
    ("quality_target = 0.8", "quality_target = 0.9\nwillingness_to_pay_usd = 1", "_target = 0.9"),
    ("quality_target = 0.8", "", "default_goal.quality_target = None"),
    ('name = "large"', 'name = "small"', "tiers[1].name = 'small'"),
    ('tier = "large"', 'tier = "small"', "tier 'large' has no deployment"),
    ('tier = "small"', 'tier = "tiny"', "deployments[0].tier = 'tiny'"),
    ('kind = "gpu"', 'kind = "cloud"', "deployments[0].kind = 'cloud'"),
    ('id = "theirs"', 'id = "ours"', "deployments[1].id = 'ours'"),
    ("_tokens = 8192\nmax", '_tokens = "8k"\nmax', "context_window_tokens = '8k'"),
    ('kind = "gpu"', 'kind = "gpu"\ntools = "yes"', "deployments[0].tools = 'yes'"),
    ('kind = "gpu"', 'kind = "gpu"\nresidency = "eu"', "deployments[0].residency = 'eu'"),
    ("as_of = 2025-04-01", 'as_of = "2025-04-01"', "price.as_of = '2025-04-01'"),
    ("output_usd_per_mtok = 0.08", "", "price.output_usd_per_mtok = None"),
    ("_mtok = 0.05", "_mtok = -0.05", "price.input_usd_per_mtok = -0.05"),
]

# The last table of the document.
QUOTED_ENDS = re.findall(r"\| `([^`]+)` \|\n", DOCUMENT.split("| end of the message |")[1])


def least_catalog() -> str:
    (block,) = re.findall(r"^```toml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    return block


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    """Return the shipped artifact."""
    return load_artifact(default_artifact_directory())


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a relative path, so that messages start with it as they do in the document."""
    monkeypatch.chdir(tmp_path)
    return Path("mine.toml")


def test_the_least_catalog_of_the_document_loads(mine: Path) -> None:
    mine.write_text(least_catalog(), encoding="utf-8")
    assert load_catalog(mine).tier_names == ("small", "large")


@pytest.mark.parametrize(("right", "wrong", "expected"), MISTAKES)
def test_the_document_quotes_the_message_of_every_mistake(
    mine: Path, right: str, wrong: str, expected: str
) -> None:
    text = least_catalog()
    assert right in text
    mine.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        load_catalog(mine)
    assert expected in caught.value.message
    assert f"`{caught.value.message}`" in DOCUMENT


def test_the_document_quotes_the_message_of_a_missing_file(mine: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        load_catalog(mine)
    assert f"`{caught.value.message}`" in DOCUMENT


def test_the_document_quotes_no_message_that_is_not_checked() -> None:
    quoted = re.findall(r"`mine\.toml: [^`]*`", DOCUMENT)
    assert len(quoted) == len(MISTAKES) + 1  # and the missing file


def test_the_document_has_a_row_for_every_key() -> None:
    keys = module._TOP_KEYS | module._TIER_KEYS | stated.PRICE_KEYS
    keys |= (
        module._CACHE_KEYS
        | stated.BAND_KEYS
        | stated.PRICES_KEYS
        | module._DEPLOYMENT_KEYS
        | module._GOAL_KEYS
    )
    assert {key for key in keys if f"\n| `{key}` |" not in DOCUMENT} == set()


def test_the_document_quotes_how_a_catalog_does_not_fit_an_artifact(
    artifact: Artifact, mine: Path
) -> None:
    mine.write_text(least_catalog(), encoding="utf-8")
    two_tiers = load_catalog(mine)
    other = replace(
        two_tiers, tiers=load_catalog(default_catalog_path()).tiers, adequate_quality=0.7
    )
    for catalog in (two_tiers, other):
        with pytest.raises(ArtifactError) as caught:
            build_engine(artifact, catalog)
        assert any(caught.value.message.endswith(end) for end in QUOTED_ENDS)


@pytest.mark.parametrize("path", [default_catalog_path(), EXAMPLE], ids=lambda path: path.name)
def test_a_shipped_catalog_fits_the_shipped_artifact(artifact: Artifact, path: Path) -> None:
    build_engine(artifact, load_catalog(path))


def test_the_example_keeps_the_tiers_of_the_default_catalog() -> None:
    default, example = load_catalog(default_catalog_path()), load_catalog(EXAMPLE)
    assert example.tiers == default.tiers


def test_the_example_has_two_priced_deployments_a_tier_and_both_kinds() -> None:
    catalog = load_catalog(EXAMPLE)
    priced = [deployment for deployment in catalog.deployments if deployment.price]
    for tier in catalog.tier_names:
        assert sum(deployment.tier == tier for deployment in priced) == 2
    assert {deployment.kind for deployment in catalog.deployments} == {"api", "gpu"}


def test_in_the_example_a_deployment_without_a_price_is_listed_and_never_chosen(
    artifact: Artifact,
) -> None:
    catalog = load_catalog(EXAMPLE)
    (unpriced,) = (deployment for deployment in catalog.deployments if not deployment.price)
    engine = build_engine(artifact, catalog)
    question = (Message("user", "Prove that the square root of two is irrational."),)
    decision = engine.route(Request(question, needs=Needs(residency=frozenset({"eu"}))))
    (listed,) = (e for e in decision.estimates if e.deployment == unpriced)
    assert listed.ineligible == (IneligibleReason.UNKNOWN_PRICE,)
    assert decision.chosen.deployment.price is not None
