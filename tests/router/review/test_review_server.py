"""Plan and Review through a real server, with texts and with digests that hide them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
from made_up_answers import made_up_review

from router.client import CallError, RouterClient, answer_digest
from router.config import Config
from router.predict.files import read_json
from router.review.saved import review_to_json
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub
from training.export import write_manifest

HAIKU, SONNET, LLAMA = "claude-3-haiku", "claude-3-5-sonnet", "llama-3-8b-self-hosted"
QUESTION = "A crate holds 12 jars and 4 are broken. How many are whole?"
DEAR, CHEAP = pb.Goal(willingness_to_pay_usd=1.0), pb.Goal(willingness_to_pay_usd=1e-5)


@pytest.fixture(scope="module")
def client(
    server_config: Config, tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RouterClient]:
    place = tmp_path_factory.mktemp("reviewing") / "artifact"
    copytree(tiny_artifact, place)
    (place / "review.json").write_text(review_to_json(made_up_review()))
    write_manifest(place, read_json(place / "manifest.json"))
    config = replace(server_config, artifact=place, store=place.parent / "outcomes.db")
    with RouterServer(config) as running, RouterClient(f"127.0.0.1:{running.port}") as connected:
        yield connected


def answered(
    deployment: str, text: str, finish: str = "STOP", *, as_digest: bool = False
) -> pb.Answer:
    reason = pb.FinishReason.Value(f"FINISH_REASON_{finish}")
    if as_digest:
        return pb.Answer(
            deployment=deployment,
            digest=answer_digest(text),
            finish_reason=reason,
            output_token_count=80,
        )
    return pb.Answer(deployment=deployment, text=text, finish_reason=reason, output_token_count=80)


def ask(goal: pb.Goal = DEAR, **more: object) -> pb.RouteRequest:
    return pb.RouteRequest(prompt=QUESTION, goal=goal, **more)


def test_an_answer_that_agrees_is_worth_more_than_one_that_differs(client: RouterClient) -> None:
    decision = client.route(ask())
    agreed, differed = (
        client.review(
            pb.ReviewRequest(
                decision=decision,
                answers=[answered(LLAMA, "The answer is 8."), answered(HAIKU, text)],
            )
        )
        for text in ("It leaves \\boxed{8.0}.", "It leaves \\boxed{9}.")
    )
    assert agreed.reason == pb.REVIEW_REASON_ANSWERS_AGREE
    assert agreed.agreement == pb.AGREEMENT_AGREE
    assert differed.reason == pb.REVIEW_REASON_ANSWERS_DIFFER
    assert agreed.branches[0].expected_quality > differed.branches[0].expected_quality
    assert agreed.decision_id == decision.decision_id


def test_the_decision_handed_back_and_the_request_asked_again_give_the_same(
    client: RouterClient,
) -> None:
    answers = [answered(LLAMA, "The answer is 8.")]
    handed = client.review(pb.ReviewRequest(decision=client.route(ask()), answers=answers))
    again = client.review(pb.ReviewRequest(request=ask(), answers=answers))
    assert handed.branch.action == again.branch.action
    assert handed.branch.expected_quality == pytest.approx(again.branch.expected_quality, abs=1e-2)
    assert {branch.action for branch in handed.branches} == {
        pb.REVIEW_ACTION_ACCEPT,
        pb.REVIEW_ACTION_ASK_SECOND,
        pb.REVIEW_ACTION_ESCALATE,
    }


def test_a_digest_gives_what_the_text_gives(client: RouterClient) -> None:
    decision = client.route(ask())
    said = [
        client.review(
            pb.ReviewRequest(
                decision=decision,
                answers=[
                    answered(LLAMA, "The answer is 8.", as_digest=hidden),
                    answered(HAIKU, "8 jars", as_digest=hidden),
                ],
            )
        )
        for hidden in (False, True)
    ]
    assert said[0] == said[1]


def test_a_truncated_answer_is_not_accepted_even_where_nothing_may_be_spent(
    client: RouterClient,
) -> None:
    response = client.review(
        pb.ReviewRequest(request=ask(CHEAP), answers=[answered(LLAMA, "First we count", "LENGTH")])
    )
    assert response.reason == pb.REVIEW_REASON_TRUNCATED
    assert response.branch.action == pb.REVIEW_ACTION_ESCALATE
    assert response.branch.deployment in (HAIKU, SONNET)


def test_a_failed_call_needs_no_text(client: RouterClient) -> None:
    failed = pb.Answer(deployment=LLAMA, finish_reason=pb.FINISH_REASON_ERROR)
    response = client.review(pb.ReviewRequest(request=ask(CHEAP), answers=[failed]))
    assert response.reason == pb.REVIEW_REASON_FAILED
    assert response.branch.deployment != LLAMA


def test_free_text_is_left_to_the_prompt_and_said_not_to_compare(client: RouterClient) -> None:
    essays = [answered(name, "Rivers run to the sea. " * 8) for name in (LLAMA, HAIKU)]
    response = client.review(pb.ReviewRequest(request=ask(CHEAP), answers=essays))
    assert response.reason == pb.REVIEW_REASON_NOT_LEARNT
    assert response.agreement == pb.AGREEMENT_CANNOT_TELL


def test_a_plan_comes_only_when_asked_for_and_weighs_waiting(client: RouterClient) -> None:
    assert not client.route(ask()).HasField("plan")
    patient = client.route(ask(plan=pb.PlanOptions())).plan
    hurried = client.route(ask(plan=pb.PlanOptions(wait_usd=10.0))).plan
    assert patient.expected_answer_count >= 1.0
    assert patient.expected_cost_usd > 0.0
    assert not hurried.review
    assert hurried.expected_answer_count == 1.0


def test_plans_come_in_a_batch_too_and_a_bad_one_spoils_only_itself(client: RouterClient) -> None:
    batch = pb.RouteBatchRequest(
        requests=[ask(plan=pb.PlanOptions()), ask(plan=pb.PlanOptions(wait_usd=-1.0)), ask()]
    )
    good, bad, plain = client.route_batch(batch).results
    assert good.response.HasField("plan")
    assert "plan.wait_usd" in bad.error.message
    assert not plain.response.HasField("plan")


def test_a_request_refused_for_its_plan_is_not_logged_as_a_decision(
    server_config: Config, tmp_path: Path
) -> None:
    log = tmp_path / "decisions.jsonl"
    config = replace(server_config, store=tmp_path / "o.sqlite3", decision_log=log)
    wrong = ask(plan=pb.PlanOptions(wait_usd=-1.0))
    with RouterServer(config) as server, RouterClient(f"127.0.0.1:{server.port}") as client:
        with pytest.raises(CallError, match=r"plan.wait_usd: -1\.0 given"):
            client.route(wrong)
        alone, among = client.route_batch(pb.RouteBatchRequest(requests=[wrong, ask()])).results
        assert "plan.wait_usd" in alone.error.message
    assert [json.loads(line)["context_id"] for line in log.read_text().splitlines()] == [
        among.response.decision_id
    ]


def test_an_artifact_without_a_review_judges_by_the_prompt(stub: RouterServiceStub) -> None:
    request = pb.ReviewRequest(request=ask(CHEAP), answers=[answered(LLAMA, "The answer is 8.")])
    assert stub.Review(request).reason == pb.REVIEW_REASON_NOT_LEARNT


ONE = [answered(LLAMA, "The answer is 8.")]
BAD: list[tuple[str, pb.ReviewRequest, str]] = [
    ("neither", pb.ReviewRequest(answers=ONE), "DECISION_AMBIGUOUS"),
    ("no answers", pb.ReviewRequest(request=ask()), "ANSWER_COUNT"),
    ("one twice", pb.ReviewRequest(request=ask(), answers=ONE * 2), "ANSWER_TWICE"),
    (
        "an unknown deployment",
        pb.ReviewRequest(request=ask(), answers=[answered("gpt-9", "8")]),
        "UNKNOWN_DEPLOYMENT",
    ),
    (
        "no finish reason",
        pb.ReviewRequest(request=ask(), answers=[pb.Answer(deployment=LLAMA, text="8")]),
        "FINISH_MISSING",
    ),
    (
        "neither text nor digest",
        pb.ReviewRequest(
            request=ask(),
            answers=[pb.Answer(deployment=LLAMA, finish_reason=pb.FINISH_REASON_STOP)],
        ),
        "ANSWER_AMBIGUOUS",
    ),
    (
        "a digest of another release",
        pb.ReviewRequest(
            request=ask(),
            answers=[
                pb.Answer(
                    deployment=LLAMA,
                    finish_reason=pb.FINISH_REASON_STOP,
                    output_token_count=8,
                    digest=pb.AnswerDigest(kind=pb.ANSWER_KIND_NUMBER, features_version=99),
                )
            ],
        ),
        "DIGEST_VERSION",
    ),
    (
        "a decision of another artifact",
        pb.ReviewRequest(decision=pb.RouteResponse(artifact_version="another"), answers=ONE),
        "DECISION_OUTDATED",
    ),
    (
        "a waiting price below nothing",
        pb.ReviewRequest(request=ask(), answers=ONE, wait_usd=-1.0),
        "USD_OUT_OF_RANGE",
    ),
]


@pytest.mark.parametrize(("what", "request_", "reason"), BAD, ids=[what for what, *_ in BAD])
def test_a_bad_review_request_is_refused_with_its_reason(
    client: RouterClient, what: str, request_: pb.ReviewRequest, reason: str
) -> None:
    with pytest.raises(CallError) as refused:
        client.review(request_)
    assert (refused.value.code, refused.value.reason) == ("INVALID_ARGUMENT", reason)


def test_an_altered_decision_is_refused(client: RouterClient) -> None:
    decision = client.route(ask())
    decision.candidates[0].adequacy = 7.0
    with pytest.raises(CallError, match="as Route answered it"):
        client.review(pb.ReviewRequest(decision=decision, answers=ONE))


def test_a_contract_on_an_uncalibrated_artifact_is_refused_by_a_review_too(
    client: RouterClient,
) -> None:
    decision = client.route(ask())
    decision.goal.CopyFrom(pb.Goal(contract=pb.Contract(max_loss_rate=0.05)))
    with pytest.raises(CallError, match="not calibrated for contracts"):
        client.review(pb.ReviewRequest(decision=decision, answers=ONE))


def test_the_same_review_asked_twice_is_answered_the_same(client: RouterClient) -> None:
    request = pb.ReviewRequest(decision=client.route(ask()), answers=ONE)
    assert client.review(request) == client.review(request)
