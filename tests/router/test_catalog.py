"""A catalog file becomes frozen records, and another content has another version."""

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from router.catalog import load_catalog, parse_catalog
from router.cost.price import Price
from router.defaults import default_catalog_path
from router.engine import build_engine
from router.errors import ArtifactError
from router.predict.artifact import Artifact
from router.types import Capabilities, Goal


@pytest.fixture
def content(catalog_file: Path) -> dict[str, Any]:
    return tomllib.loads(catalog_file.read_text(encoding="utf-8"))


def test_the_default_catalog_holds_three_tiers_each_with_a_priced_deployment() -> None:
    catalog = load_catalog(default_catalog_path())
    assert catalog.tier_names == ("small", "medium", "large")
    assert [tier.rank for tier in catalog.tiers] == [0, 1, 2]
    assert {deployment.tier for deployment in catalog.deployments} == set(catalog.tier_names)
    assert all(deployment.price for deployment in catalog.deployments)


def test_every_key_of_a_deployment_reaches_its_record(content: dict[str, Any]) -> None:
    large = parse_catalog(content, "test").deployments[2]
    assert large.capabilities == Capabilities(
        200_000, 8192, tools=True, vision=True, json_schema=True, residency=frozenset({"us"})
    )
    assert large.price == Price(3.0, 15.0, date(2025, 4, 1), "provider's list price")
    assert (large.kind, large.provider) == ("api", "anthropic")


def test_a_price_may_be_left_out_and_is_then_unknown(content: dict[str, Any]) -> None:
    del content["deployments"][0]["price"]
    assert parse_catalog(content, "test").deployments[0].price is None


def test_the_version_follows_the_content_and_not_the_order_of_keys(content: dict[str, Any]) -> None:
    version = parse_catalog(content, "one place").version
    reordered = dict(reversed(content.items()))
    assert parse_catalog(reordered, "another").version == version
    content["deployments"][0]["price"]["input_usd_per_mtok"] = 0.06
    assert parse_catalog(content, "one place").version != version


def test_any_number_of_tiers_is_read_in_the_order_of_the_file(content: dict[str, Any]) -> None:
    content["tiers"].insert(0, {"name": "tiny", "reference_model": "phi"})
    content["deployments"].append(content["deployments"][0] | {"id": "tiny-one", "tier": "tiny"})
    catalog = parse_catalog(content, "test")
    assert catalog.tier_names == ("tiny", "small", "medium", "large")


def test_the_default_goal_may_be_a_target_with_a_limit(content: dict[str, Any]) -> None:
    content["default_goal"] = {"quality_target": 0.8, "max_cost_usd": 0.01}
    assert parse_catalog(content, "test").default_goal == Goal(0.8, None, 0.01)


def test_an_artifact_of_other_tiers_or_another_threshold_does_not_fit(
    artifact: Artifact, content: dict[str, Any]
) -> None:
    catalog = parse_catalog(content, "test")
    with pytest.raises(ArtifactError, match=r"trained for adequate_quality 0\.5, the") as one:
        build_engine(artifact, replace(catalog, adequate_quality=0.7))
    with pytest.raises(ArtifactError, match="use the catalog it was trained with") as other:
        build_engine(artifact, replace(catalog, tiers=catalog.tiers[:2]))
    assert one.value.reason == other.value.reason == "ARTIFACT_TIERS"
