"""Route, RouteBatch and ListTiers through a real server: what a caller asks is what is answered."""

from pathlib import Path

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status

from router.catalog import load_catalog
from router.predict.artifact import Artifact
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

QUESTION = "Which planet has the most moons, and how many were known in the year 2000?"
HAIKU, SONNET, LLAMA = "claude-3-haiku", "claude-3-5-sonnet", "llama-3-8b-self-hosted"


def target(quality: float, **limits: float) -> pb.Goal:
    return pb.Goal(quality_target=quality, **limits)


def reasons_of(response: pb.RouteResponse) -> dict[str, list[str]]:
    return {
        candidate.deployment: [
            pb.IneligibleReason.Name(reason).removeprefix("INELIGIBLE_REASON_")
            for reason in candidate.ineligible_reasons
        ]
        for candidate in response.candidates
    }


def test_a_prompt_is_answered_with_a_tier_and_every_candidate(
    stub: RouterServiceStub, artifact: Artifact, catalog_file: Path
) -> None:
    response = stub.Route(pb.RouteRequest(prompt=QUESTION, goal=target(0.0)))
    assert (response.tier, response.deployment) == ("small", LLAMA)
    assert response.model == "llama-3-8b-instruct"
    assert response.reason == pb.DECISION_REASON_TARGET_MET
    assert [candidate.deployment for candidate in response.candidates] == [LLAMA, HAIKU, SONNET]
    for candidate in response.candidates:
        assert 0.0 <= candidate.adequacy <= 1.0
        assert candidate.expected_cost_usd > 0.0
        assert candidate.input_token_count > 10
    assert len(response.decision_id) == 32
    assert response.artifact_version == artifact.version
    assert response.catalog_version == load_catalog(catalog_file).version


def test_the_saving_is_stated_against_the_dearest_tier(stub: RouterServiceStub) -> None:
    response = stub.Route(pb.RouteRequest(prompt=QUESTION, goal=target(0.0)))
    costs = {item.deployment: item.expected_cost_usd for item in response.candidates}
    assert response.saving_baseline_tier == "large"
    assert response.saving_usd == pytest.approx(costs[SONNET] - costs[LLAMA])
    assert response.saving_fraction == pytest.approx(response.saving_usd / costs[SONNET])


def test_choosing_the_dearest_tier_saves_nothing(stub: RouterServiceStub) -> None:
    response = stub.Route(pb.RouteRequest(prompt=QUESTION, allowed_tiers=["large"]))
    assert (response.tier, response.saving_baseline_tier) == ("large", "large")
    assert (response.saving_usd, response.saving_fraction) == (0.0, 0.0)


def test_a_target_nobody_reaches_is_answered_with_the_most_adequate(
    stub: RouterServiceStub,
) -> None:
    response = stub.Route(pb.RouteRequest(prompt=QUESTION, goal=target(1.0)))
    assert response.reason == pb.DECISION_REASON_TARGET_UNREACHABLE
    best = max(response.candidates, key=lambda candidate: candidate.adequacy)
    assert response.deployment == best.deployment


def test_without_a_goal_the_catalogs_default_is_applied_and_echoed(stub: RouterServiceStub) -> None:
    response = stub.Route(pb.RouteRequest(prompt=QUESTION))
    assert response.goal == stub.ListTiers(pb.ListTiersRequest()).default_goal
    assert response.goal == pb.Goal(willingness_to_pay_usd=0.02)
    assert response.reason == pb.DECISION_REASON_BEST_TRADE_OFF


def test_a_limit_without_a_rule_is_added_to_the_default_goal(stub: RouterServiceStub) -> None:
    response = stub.Route(pb.RouteRequest(prompt=QUESTION, goal=pb.Goal(max_cost_usd=0.5)))
    assert response.goal == pb.Goal(willingness_to_pay_usd=0.02, max_cost_usd=0.5)


def test_paying_more_buys_no_less_adequacy(stub: RouterServiceStub) -> None:
    ranks = []
    for pay in (1e-6, 1e-3, 1e-1, 1e6):
        goal = pb.Goal(willingness_to_pay_usd=pay)
        response = stub.Route(pb.RouteRequest(prompt=QUESTION * 5, goal=goal))
        ranks.append(["small", "medium", "large"].index(response.tier))
    assert ranks == sorted(ranks)
    assert (ranks[0], ranks[-1]) == (0, 2)


@pytest.mark.parametrize(
    ("request_", "chosen", "fell_out"),
    [
        ({"needs": pb.Needs(tools=True)}, HAIKU, {LLAMA: ["TOOLS"]}),
        (
            {"needs": pb.Needs(vision=True, json_schema=True)},
            SONNET,
            {LLAMA: ["VISION", "JSON_SCHEMA"], HAIKU: ["JSON_SCHEMA"]},
        ),
        (
            {"needs": pb.Needs(residency=["on-premises", "eu"]), "goal": target(1.0)},
            LLAMA,
            {HAIKU: ["RESIDENCY"], SONNET: ["RESIDENCY"]},
        ),
        ({"needs": pb.Needs(context_window_tokens=100_000)}, HAIKU, {LLAMA: ["CONTEXT_WINDOW"]}),
        ({"prompt": "word " * 13_000}, HAIKU, {LLAMA: ["CONTEXT_WINDOW"]}),
        (
            {"max_output_tokens": 5_000},
            SONNET,
            {LLAMA: ["OUTPUT_LIMIT"], HAIKU: ["OUTPUT_LIMIT"]},
        ),
        ({"goal": target(1.0, max_cost_usd=0.0002)}, LLAMA, {HAIKU: None, SONNET: None}),
        (
            {"allowed_tiers": ["medium"]},
            HAIKU,
            {LLAMA: ["TIER_NOT_ALLOWED"], SONNET: ["TIER_NOT_ALLOWED"]},
        ),
        ({"denied_tiers": ["small"]}, HAIKU, {LLAMA: ["TIER_DENIED"]}),
        (
            {"allowed_tiers": ["small", "large"], "denied_tiers": ["small"]},
            SONNET,
            {LLAMA: ["TIER_DENIED"], HAIKU: ["TIER_NOT_ALLOWED"]},
        ),
    ],
)
def test_needs_and_limits_rule_deployments_out_and_say_why(
    stub: RouterServiceStub,
    request_: dict[str, object],
    chosen: str,
    fell_out: dict[str, list[str] | None],
) -> None:
    wire = pb.RouteRequest(**({"prompt": QUESTION, "goal": target(0.0)} | request_))
    response = stub.Route(wire)
    assert response.deployment == chosen
    expected = {name: reasons or ["OVER_MAX_COST"] for name, reasons in fell_out.items()}
    assert {name: why for name, why in reasons_of(response).items() if why} == expected


def test_the_expected_output_never_exceeds_the_limit_asked_for(stub: RouterServiceStub) -> None:
    free = stub.Route(pb.RouteRequest(prompt=QUESTION))
    bound = stub.Route(pb.RouteRequest(prompt=QUESTION, max_output_tokens=7))
    assert min(candidate.output_token_count for candidate in free.candidates) > 7
    assert [candidate.output_token_count for candidate in bound.candidates] == [7, 7, 7]
    for limited, unlimited in zip(bound.candidates, free.candidates, strict=True):
        assert limited.expected_cost_usd < unlimited.expected_cost_usd


def test_a_prompt_and_one_user_message_are_the_same_request(stub: RouterServiceStub) -> None:
    short = stub.Route(pb.RouteRequest(prompt=QUESTION))
    long = stub.Route(pb.RouteRequest(messages=[pb.Message(role="user", content=QUESTION)]))
    assert short.candidates == long.candidates
    assert short.decision_id != long.decision_id


def test_every_role_is_read_and_every_message_is_priced(stub: RouterServiceStub) -> None:
    roles = ("system", "developer", "user", "assistant", "tool")
    messages = [pb.Message(role=role, content=QUESTION) for role in roles]
    one = stub.Route(pb.RouteRequest(messages=messages[:1])).candidates[0].input_token_count
    all_five = stub.Route(pb.RouteRequest(messages=messages)).candidates[0].input_token_count
    assert all_five == pytest.approx(5 * one, abs=3)


def test_identifiers_and_tags_up_to_their_limits_are_taken(stub: RouterServiceStub) -> None:
    response = stub.Route(
        pb.RouteRequest(
            prompt=QUESTION,
            request_id="r" * 128,
            session_id="s" * 128,
            tags={f"{n:064d}": "v" * 256 for n in range(32)},
        )
    )
    assert response.request_id == "r" * 128


def test_a_batch_keeps_its_order_and_its_good_requests_beside_bad_ones(
    stub: RouterServiceStub,
) -> None:
    requests = [
        pb.RouteRequest(prompt=QUESTION, request_id="first"),
        pb.RouteRequest(request_id="empty"),
        pb.RouteRequest(prompt="Hello!", request_id="third"),
        pb.RouteRequest(prompt="Hi", needs=pb.Needs(residency=["mars"]), request_id="nobody"),
        pb.RouteRequest(prompt="word " * 5_000, request_id="fifth"),
    ]
    results = stub.RouteBatch(pb.RouteBatchRequest(requests=requests)).results
    assert [result.WhichOneof("result") for result in results] == [
        "response", "error", "response", "error", "response",
    ]  # fmt: skip
    assert [results[n].response.request_id for n in (0, 2, 4)] == ["first", "third", "fifth"]
    assert results[1].error.code == code_pb2.INVALID_ARGUMENT
    assert results[3].error.code == code_pb2.FAILED_PRECONDITION
    for place in (1, 3):
        with pytest.raises(grpc.RpcError) as caught:
            stub.Route(requests[place])
        assert rpc_status.from_call(caught.value) == results[place].error


def test_a_batch_decides_as_single_calls_do(stub: RouterServiceStub) -> None:
    prompts = [QUESTION, "Hi", "x", "Prove it. " * 300, "¿Qué hora es?"]
    together = stub.RouteBatch(
        pb.RouteBatchRequest(requests=[pb.RouteRequest(prompt=prompt) for prompt in prompts])
    )
    for prompt, result in zip(prompts, together.results, strict=True):
        alone = stub.Route(pb.RouteRequest(prompt=prompt))
        assert result.response.deployment == alone.deployment
        for one, other in zip(result.response.candidates, alone.candidates, strict=True):
            assert one.adequacy == pytest.approx(other.adequacy, abs=1e-5)
            assert one.expected_cost_usd == pytest.approx(other.expected_cost_usd, rel=1e-4)


def test_a_batch_of_only_bad_requests_is_still_answered(stub: RouterServiceStub) -> None:
    results = stub.RouteBatch(pb.RouteBatchRequest(requests=[pb.RouteRequest()] * 3)).results
    assert [result.error.code for result in results] == [code_pb2.INVALID_ARGUMENT] * 3


def test_when_nobody_may_serve_every_deployments_reasons_are_told(stub: RouterServiceStub) -> None:
    request = pb.RouteRequest(prompt=QUESTION, denied_tiers=["large"], max_output_tokens=5_000)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Route(request)
    status = rpc_status.from_call(caught.value)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("NO_CANDIDATE", "router.v1")
    assert dict(info.metadata) == {
        LLAMA: "OUTPUT_LIMIT",
        HAIKU: "OUTPUT_LIMIT",
        SONNET: "TIER_DENIED",
    }


def test_the_catalog_in_force_is_listed_as_its_file_says(
    stub: RouterServiceStub, artifact: Artifact, catalog_file: Path
) -> None:
    catalog = load_catalog(catalog_file)
    listed = stub.ListTiers(pb.ListTiersRequest())
    assert [(tier.name, tier.rank) for tier in listed.tiers] == [
        ("small", 0), ("medium", 1), ("large", 2),
    ]  # fmt: skip
    assert listed.adequate_quality == catalog.adequate_quality
    assert (listed.artifact_version, listed.catalog_version) == (artifact.version, catalog.version)
    large = listed.tiers[2].deployments[0]
    assert (large.input_usd_per_mtok, large.output_usd_per_mtok) == (3.0, 15.0)
    assert (large.price_date, list(large.residency)) == ("2025-04-01", ["us"])
    assert large.tools
    assert large.vision
    assert large.json_schema
