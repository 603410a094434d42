"""Upper output lengths on the way from an artifact's manifest to an answer."""

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_artifact import copy_artifact, write_manifest

from router.catalog import load_catalog
from router.cli.explain import lines_of_decision
from router.cli.route import route_here
from router.cost.estimate import expected_cost_usd
from router.engine import Engine, build_engine
from router.errors import ArtifactError
from router.predict.artifact import load_artifact
from router.predict.length_bounds import (
    LengthBounds,
    length_bounds_from_json,
    length_bounds_to_json,
)
from router.v1 import router_pb2 as pb

BOUNDS = {
    "coverage": 0.9,
    "edges": [[10.0], [10.0], [10.0]],
    "factors": [[2.0, 1.5], [2.0, 1.25], [2.0, 1.0]],
}
CALIBRATED = [[0.5, 0.75]] * 3
PROMPT = "Which planet has the most moons, and how many were known in the year 2000?"


@pytest.fixture(scope="module")
def bounded(
    tiny_artifact: Path, catalog_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Engine:
    place = copy_artifact(tiny_artifact, tmp_path_factory.mktemp("bounded") / "artifact")
    write_manifest(place, change=lambda content: content.update(length_bounds=BOUNDS))
    return build_engine(load_artifact(place), load_catalog(catalog_file))


def test_the_suggested_limit_is_the_upper_length_of_the_chosen_deployment(bounded: Engine) -> None:
    answer = route_here(bounded, pb.RouteRequest(prompt=PROMPT))
    uppers = {one.deployment: one.output_token_upper for one in answer.candidates}
    assert answer.suggested_max_output_tokens == uppers[answer.deployment]
    assert answer.output_coverage == 0.9
    small = answer.candidates[0]
    assert small.output_token_upper == pytest.approx(1.5 * small.output_token_count, abs=2)
    assert f"at most {answer.suggested_max_output_tokens} tokens out in 90%" in "\n".join(
        lines_of_decision(answer)
    )


def test_the_upper_cost_is_that_of_the_upper_length(bounded: Engine) -> None:
    answer = route_here(bounded, pb.RouteRequest(prompt=PROMPT))
    for candidate, deployment in zip(answer.candidates, bounded.catalog.deployments, strict=True):
        assert deployment.price is not None
        assert candidate.upper_cost_usd >= candidate.expected_cost_usd
        assert candidate.upper_cost_usd == pytest.approx(
            expected_cost_usd(
                deployment.price, candidate.input_token_count, candidate.output_token_upper
            ),
            rel=0.05,  # input tokens are rounded on the wire
        )


@pytest.mark.parametrize("limit", [1, 70, 200])
def test_no_upper_length_is_above_the_limit_of_the_request(bounded: Engine, limit: int) -> None:
    free = route_here(bounded, pb.RouteRequest(prompt=PROMPT))
    answer = route_here(bounded, pb.RouteRequest(prompt=PROMPT, max_output_tokens=limit))
    for cut, whole in zip(answer.candidates, free.candidates, strict=True):
        assert cut.output_token_upper == min(whole.output_token_upper, limit)


def test_an_unknown_price_has_no_upper_cost(bounded: Engine) -> None:
    first, *rest = bounded.catalog.deployments
    catalog = replace(bounded.catalog, deployments=(replace(first, price=None), *rest))
    answer = route_here(build_engine(bounded.artifact, catalog), pb.RouteRequest(prompt=PROMPT))
    priced = [one.HasField("upper_cost_usd") for one in answer.candidates]
    assert priced == [False, True, True]
    assert answer.candidates[0].output_token_upper > 0


def test_an_artifact_without_bounds_leaves_every_field_unset(engine: Engine) -> None:
    answer = route_here(engine, pb.RouteRequest(prompt=PROMPT))
    assert not answer.HasField("suggested_max_output_tokens")
    assert not answer.HasField("output_coverage")
    assert not any(one.HasField("output_token_upper") for one in answer.candidates)
    assert not any(line.startswith("Length") for line in lines_of_decision(answer))


def test_calibrated_quantiles_go_before_derived_ones() -> None:
    derived = length_bounds_from_json(BOUNDS, 3, Path("manifest.json"))
    content = BOUNDS | {"quantiles": [{"probability": 0.5, "factors": CALIBRATED}]}
    bounds = length_bounds_from_json(content, 3, Path("manifest.json"))
    assert [bounds.quantile(0, tokens, 0.5) for tokens in (0.0, 9.0, 11.0)] == [0.0, 4.0, 8.0]
    assert bounds.quantile(0, 9.0, 0.95) == derived.quantile(0, 9.0, 0.95)
    assert length_bounds_to_json(bounds) == content
    assert length_bounds_to_json(derived) == BOUNDS


def test_a_band_begins_at_its_edge() -> None:
    bounds = LengthBounds(0.9, ((10.0,),), ((3.0, 2.0),))
    assert [bounds.upper(0, tokens) for tokens in (9.0, 10.0)] == [29.0, 21.0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"coverage": 1.0}, "coverage 1.0 must lie between 0 and 1"),
        ({"factors": [[2.0]] * 3}, "1 edges need 2 factors"),
        ({"factors": [[2.0, 0.5]] * 3}, "at least 1"),
        ({"edges": [[float("nan")]] * 3}, "edges must be finite"),
        ({"edges": [["ten"]] * 3}, "could not convert"),
        ({"quantiles": [{"probability": 1.0, "factors": CALIBRATED}]}, "quantile 1.0 must lie"),
        ({"quantiles": [{"probability": 0.5, "factors": [[1.0]] * 3}]}, "every band of every tier"),
        ({"quantiles": [{"probability": 0.5, "factors": [[1.0, 0.0]] * 3}]}, "above 0"),
        ({"quantiles": [{"probability": 0.5}]}, "factors"),
        ({"quantiles": "all"}, "string indices"),
    ],
)
def test_bounds_out_of_range_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ArtifactError, match=words):
        length_bounds_from_json(BOUNDS | change, 3, Path("manifest.json"))
