"""Artifacts and catalogs swapped under a running server: whole, verified, and back again."""

import contextlib
import gc
import shutil
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from swapping import HELLO, edit, running, with_own_files
from swapping import refusal as reason_of
from tiny_artifact import (
    TIERS,
    copy_artifact,
    replace_file,
    write_artifact,
    write_manifest,
)

from router.config import Config
from router.defaults import default_artifact_directory
from router.errors import NotCalibratedError
from router.predict.artifact import load_artifact
from router.predict.heads import Heads
from router.predict.predictor import predict, predict_many
from router.server.app import RouterServer
from router.types import Message
from router.v1 import admin_pb2 as admin
from router.v1 import router_pb2 as pb


@pytest.fixture
def config(server_config: Config, tiny_artifact: Path, tmp_path: Path) -> Config:
    return with_own_files(server_config, tiny_artifact, tmp_path)


def deploy(source: Path, target: Path) -> None:
    """Put an artifact in the place of another."""
    shutil.rmtree(target)
    copy_artifact(source, target)


def test_a_new_artifact_in_the_same_place_is_swapped_in_and_rolled_back(
    config: Config, other_artifact: Path
):
    with running(config) as client:
        first = client.router.Route(HELLO)
        deploy(other_artifact, config.artifact)
        answer = client.reload()
        assert answer.changed
        assert answer.previous.artifact_version == first.artifact_version
        second = client.router.Route(HELLO)
        assert second.artifact_version == answer.in_force.artifact_version
        assert second.candidates[0].adequacy < first.candidates[0].adequacy
        assert client.rollback().in_force.artifact_version == first.artifact_version
        again = client.router.Route(HELLO)
        assert list(again.candidates) == list(first.candidates)
        assert again.artifact_version == first.artifact_version
        client.rollback()
        assert list(client.router.Route(HELLO).candidates) == list(second.candidates)


def test_an_artifact_of_another_directory_is_the_one_in_force_from_then_on(
    config: Config, other_artifact: Path
):
    with running(config) as client:
        client.reload(artifact=other_artifact)
        assert client.status().in_force.artifact == str(other_artifact)
        assert not client.reload().changed
        assert client.rollback().in_force.artifact == str(config.artifact)


def test_new_prices_are_swapped_in_with_the_artifact_that_is_there(config: Config):
    with running(config) as client:
        before = client.router.Route(HELLO)
        edit(config.catalog, "input_usd_per_mtok = 3.0", "input_usd_per_mtok = 30.0")
        assert client.reload().changed
        after = client.router.Route(HELLO)
        assert after.catalog_version != before.catalog_version
        assert after.artifact_version == before.artifact_version
        assert after.candidates[-1].expected_cost_usd > before.candidates[-1].expected_cost_usd
        listed = client.router.ListTiers(pb.ListTiersRequest())
        assert listed.catalog_version == after.catalog_version


def test_what_has_not_changed_is_not_swapped_and_what_was_before_stays_within_reach(
    config: Config, other_artifact: Path
):
    with running(config) as client:
        first = client.version()
        client.reload(artifact=other_artifact)
        assert not client.reload().changed
        status = client.status()
        assert status.last_attempt.outcome == admin.ATTEMPT_OUTCOME_UNCHANGED
        assert status.previous.artifact_version == first


def tampered(config: Config) -> None:
    data = (config.artifact / "heads.onnx").read_bytes()
    replace_file(config.artifact / "heads.onnx", data[:-1] + bytes([data[-1] ^ 1]))


def truncated(config: Config) -> None:
    data = (config.artifact / "heads.onnx").read_bytes()
    replace_file(config.artifact / "heads.onnx", data[: len(data) // 2])


def half_a_manifest(config: Config) -> None:
    data = (config.artifact / "manifest.json").read_bytes()
    replace_file(config.artifact / "manifest.json", data[: len(data) // 2])


def golden_of_another(config: Config) -> None:
    text = (config.artifact / "golden.jsonl").read_text(encoding="utf-8")
    replace_file(
        config.artifact / "golden.jsonl", text.replace('"adequacy": [0.', '"adequacy": [1.')
    )
    write_manifest(config.artifact)


def other_tiers(config: Config) -> None:
    shutil.rmtree(config.artifact)
    write_artifact(config.artifact, tiers=(*TIERS[:2], ("huge", TIERS[2][1])))


def no_directory(config: Config) -> None:
    shutil.rmtree(config.artifact)


def links_in_circles(config: Config) -> None:
    shutil.rmtree(config.artifact)
    config.artifact.symlink_to(config.artifact)


def negative_price(config: Config) -> None:
    edit(config.catalog, "input_usd_per_mtok = 3.0", "input_usd_per_mtok = -3.0")


def other_threshold(config: Config) -> None:
    edit(config.catalog, "adequate_quality = 0.5", "adequate_quality = 0.7")


def no_catalog(config: Config) -> None:
    config.catalog.unlink()


def unreadable_by_the_engine(config: Config) -> None:
    edit(config.catalog, "willingness_to_pay_usd", "willing")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (tampered, "ARTIFACT_ALTERED"),
        (truncated, "ARTIFACT_ALTERED"),
        (half_a_manifest, "ARTIFACT_FILE_UNREADABLE"),
        (golden_of_another, "ARTIFACT_GOLDEN"),
        (other_tiers, "ARTIFACT_TIERS"),
        (no_directory, "ARTIFACT_FILE_MISSING"),
        (links_in_circles, "ARTIFACT_FILE_MISSING"),
        (negative_price, "CATALOG_INVALID"),
        (other_threshold, "ARTIFACT_TIERS"),
        (no_catalog, "CATALOG_INVALID"),
        (unreadable_by_the_engine, "CATALOG_INVALID"),
    ],
    ids=lambda one: one.__name__ if callable(one) else "",
)
def test_what_is_refused_leaves_everything_as_it_was_and_says_why(
    config: Config, other_artifact: Path, spoil: Callable[[Config], None], reason: str
):
    with running(config) as client:
        before = client.router.Route(HELLO)
        assert client.health("reload") == "SERVING"
        spoil(config)
        assert reason_of(client.reload) == ("FAILED_PRECONDITION", reason)
        after = client.router.Route(HELLO)
        assert list(after.candidates) == list(before.candidates)
        assert after.artifact_version == before.artifact_version
        assert after.catalog_version == before.catalog_version
        assert client.health("reload") == "NOT_SERVING"
        assert {client.health(name) for name in ("", "readiness", "liveness")} == {"SERVING"}
        status = client.status()
        assert status.last_attempt.outcome == admin.ATTEMPT_OUTCOME_REFUSED
        assert status.last_attempt.reason == reason
        assert status.last_attempt.message
        assert not status.HasField("previous")
        client.reload(artifact=other_artifact, catalog=Path(__file__).with_name("catalog.toml"))
        assert client.health("reload") == "SERVING"


def test_a_path_that_no_disk_can_hold_is_refused_as_the_callers_mistake(config: Config):
    with running(config) as client:
        long = "a" * 300
        missing = ("FAILED_PRECONDITION", "ARTIFACT_FILE_MISSING")
        assert reason_of(lambda: client.reload(artifact=long)) == missing
        trial = admin.SetCanaryRequest(artifact=long, share=0.5)
        assert reason_of(lambda: client.admin.SetCanary(trial)) == missing
        assert client.version()


def test_there_is_nothing_to_go_back_to_before_the_first_swap(config: Config):
    with running(config) as client:
        assert reason_of(client.rollback) == ("FAILED_PRECONDITION", "NO_PREVIOUS_VERSION")
        assert client.version()


def test_every_call_during_reloads_is_answered_by_one_engine_whole(
    config: Config, tiny_artifact: Path, other_artifact: Path
):
    prompts = [f"Question {n}: " + "why is that so? " * n for n in range(1, 9)]
    requests = [pb.RouteRequest(prompt=prompt) for prompt in prompts]

    def numbers(answer: pb.RouteResponse) -> list[tuple[float, float]]:
        return [(one.adequacy, one.expected_cost_usd) for one in answer.candidates]

    with running(config) as client:
        expected = {}
        for place in (tiny_artifact, other_artifact):
            client.reload(artifact=place)
            for request in requests:
                answer = client.router.Route(request)
                expected[answer.artifact_version, request.prompt] = numbers(answer)
        over = threading.Event()
        wrong: list[object] = []
        counted: list[int] = []

        def call() -> None:
            calls = 0
            while not over.is_set():
                request = requests[calls % len(requests)]
                answer = client.router.Route(request, timeout=20.0)
                if numbers(answer) != expected[answer.artifact_version, request.prompt]:
                    wrong.append(answer)
                calls += 1
            counted.append(calls)

        callers = [threading.Thread(target=call) for _ in range(3)]
        for caller in callers:
            caller.start()
        for _ in range(6):
            client.reload(artifact=tiny_artifact)
            client.reload(artifact=other_artifact)
        over.set()
        for caller in callers:
            caller.join()
    assert wrong == []
    assert len(counted) == len(callers)  # no caller ended by an error
    assert min(counted) > 0


def test_a_decision_made_before_a_swap_is_reviewed_by_what_made_it(
    config: Config, other_artifact: Path
):
    with running(config) as client:
        decision = client.router.Route(HELLO)
        client.reload(artifact=other_artifact)
        answer = pb.Answer(
            deployment=decision.deployment, text="Danube.", finish_reason=pb.FINISH_REASON_STOP
        )
        request = pb.ReviewRequest(decision=decision, answers=[answer])
        reviewed = client.router.Review(request)
        assert reviewed.artifact_version == decision.artifact_version
        edit(config.catalog, "input_usd_per_mtok = 3.0", "input_usd_per_mtok = 4.0")
        client.reload()  # two swaps later it is forgotten
        assert reason_of(lambda: client.router.Review(request))[1] == "DECISION_OUTDATED"


def test_an_outcome_of_a_deployment_that_left_the_catalog_is_still_taken(config: Config):
    with running(config) as client:
        edit(config.catalog, 'id = "claude-3-haiku"', 'id = "haiku-elsewhere"')
        client.reload()
        for deployment in ("claude-3-haiku", "haiku-elsewhere"):
            client.router.RecordOutcome(
                pb.RecordOutcomeRequest(
                    decision_id="d", request_id=deployment, deployment=deployment, quality=1.0
                )
            )
        unknown = pb.RecordOutcomeRequest(decision_id="d", request_id="r", deployment="nobody's")
        assert reason_of(lambda: client.router.RecordOutcome(unknown))[1] == "UNKNOWN_DEPLOYMENT"


def test_what_happens_to_the_files_later_does_not_reach_a_loaded_artifact(tmp_path: Path):
    place = tmp_path / "artifact"
    shutil.copytree(default_artifact_directory(), place)
    artifact = load_artifact(place)
    talk = (Message("user", "Name three rivers that flow into the Black Sea."),)
    before = predict(artifact, talk), predict_many(artifact, [talk, talk])
    for path in place.iterdir():
        with path.open("r+b") as file:
            file.truncate(10)
    assert (predict(artifact, talk), predict_many(artifact, [talk, talk])) == before


def test_an_artifact_behind_a_link_is_read_from_one_place_however_the_link_moves(
    config: Config, other_artifact: Path, tmp_path: Path
):
    link = tmp_path / "current"
    link.symlink_to(config.artifact)
    with running(replace(config, artifact=link)) as client:
        before = client.version()
        (tmp_path / "next").symlink_to(other_artifact)
        (tmp_path / "next").replace(link)
        assert client.reload().changed
        assert client.version() != before


def test_artifacts_of_the_same_encoder_share_it_and_the_same_artifact_is_not_loaded_twice(
    tiny_artifact: Path, other_artifact: Path
):
    first = load_artifact(tiny_artifact)
    second = load_artifact(other_artifact, [first])
    assert second.encoder is first.encoder
    assert second.heads is not first.heads
    assert load_artifact(tiny_artifact, [second, first]) is first


def test_what_is_neither_in_force_nor_previous_is_freed_at_once(
    config: Config, tiny_artifact: Path, other_artifact: Path, tmp_path: Path
):
    third = write_artifact(tmp_path / "third", bias=2.0)
    with running(config) as client:
        seen: list[weakref.ref[Heads]] = []
        gc.disable()  # freed by the last reference, not when the collector comes by
        try:
            for place in (other_artifact, third, Path("nowhere"), tiny_artifact) * 3:
                with contextlib.suppress(grpc.RpcError):
                    client.reload(artifact=place)
                client.router.Route(HELLO)
                seen.append(weakref.ref(client.server.engine.artifact.heads))
            alive = {ref() for ref in seen} - {None}
        finally:
            gc.enable()
        now = client.server.versions.switch.now
        assert alive == {now.main.engine.artifact.heads, now.previous.engine.artifact.heads}
        assert len(set(map(id, seen))) > 2


def test_nobody_is_served_the_admin_service_unasked(config: Config):
    with (
        running(replace(config, admin=False)) as client,
        pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"),
    ):
        client.status()


def test_of_two_swaps_at_once_the_later_one_is_told_last(
    config: Config, other_artifact: Path, monkeypatch: pytest.MonkeyPatch
):
    with running(config) as client:
        counted, announcer = client.server._counted, client.server._announcer
        tell, overtaking = counted.later, []

        def slow(count: Callable[..., None], *what: object) -> None:
            if not overtaking:  # the first to tell is overtaken by a swap
                swap = threading.Thread(target=client.reload, args=(other_artifact,))
                overtaking.append(swap)
                swap.start()
                swap.join(0.5)
            tell(count, *what)

        monkeypatch.setattr(counted, "later", slow)
        announcer.swapped()
        overtaking[0].join()
        told = client.server.snapshot()["router_artifact_info"]
        assert list(told) == [(client.version(),)]


def test_a_default_goal_that_the_artifact_cannot_keep_is_refused_at_the_start_too(config: Config):
    edit(config.catalog, "willingness_to_pay_usd = 0.02", "contract = { max_loss_rate = 0.05 }")
    with pytest.raises(NotCalibratedError, match="not calibrated for contracts"):
        RouterServer(config)
