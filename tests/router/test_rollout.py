"""Canary and shadow: who is answered by the second artifact, and what both decided."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from swapping import HELLO, Client, refusal, running
from tiny_artifact import calibrated, copy_artifact

from router.cli.main import main
from router.config import Config
from router.rollout.canary import Canary
from router.v1 import admin_pb2 as admin
from router.v1 import router_pb2 as pb

SESSIONS = [f"session {n}" for n in range(400)]


@pytest.fixture
def config(server_config: Config, tmp_path: Path) -> Config:
    return replace(server_config, store=tmp_path / "outcomes.sqlite3", admin=True)


def set_canary(client: Client, artifact: object = "", share: float = 0.0) -> admin.Canary:
    request = admin.SetCanaryRequest(artifact=str(artifact), share=share)
    return client.admin.SetCanary(request).canary


def set_shadow(client: Client, artifact: object = "", share: float = 0.0) -> admin.Shadow:
    request = admin.SetShadowRequest(artifact=str(artifact), share=share)
    return client.admin.SetShadow(request).shadow


def compared(client: Client) -> admin.Shadow:
    """Return what the shadow shows once it has seen everything."""
    client.server.versions.switch.now.shadow.wait()
    return client.status().shadow


def batch(client: Client, **fields: object) -> list[pb.RouteResponse]:
    """Route one prompt in every session of ``SESSIONS``."""
    requests = [
        pb.RouteRequest(prompt="Hello there!", session_id=name, **fields) for name in SESSIONS
    ]
    results = client.router.RouteBatch(pb.RouteBatchRequest(requests=requests)).results
    return [one.response for one in results]


def test_a_session_always_falls_to_the_same_arm_and_stays_when_the_share_grows():
    few, more, other = Canary("a", 0.1), Canary("a", 0.3), Canary("b", 0.1)
    with_few = {name for name in SESSIONS if few.takes(name)}
    assert with_few == {name for name in SESSIONS if Canary("a", 0.1).takes(name)}
    assert with_few < {name for name in SESSIONS if more.takes(name)}
    assert with_few != {name for name in SESSIONS if other.takes(name)}
    assert 20 <= len(with_few) <= 60  # three standard deviations
    assert all(Canary("a", 1.0).takes(name) for name in SESSIONS)


def test_a_request_of_no_session_falls_by_its_id_or_else_by_chance():
    canary = Canary("a", 0.5)
    drawn = Counter(canary.takes("") for _ in range(400))
    assert 140 <= drawn[True] <= 260  # six standard deviations


def test_the_answer_says_which_arm_it_comes_from_one_by_one_and_in_a_batch(
    config: Config, other_artifact: Path
):
    with running(config) as client:
        main_version = client.version()
        canary = set_canary(client, other_artifact, 0.25)
        together = [one.artifact_version for one in batch(client)]
        assert set(together) == {main_version, canary.artifact_version}
        assert 60 <= together.count(canary.artifact_version) <= 140
        for name, version in zip(SESSIONS[:30], together, strict=False):
            request = pb.RouteRequest(prompt="And now?", session_id=name)
            assert client.router.Route(request).artifact_version == version
        by_id = pb.RouteRequest(prompt="Hello there!", request_id="r1")
        assert len({client.router.Route(by_id).artifact_version for _ in range(20)}) == 1


def test_the_arms_are_counted_apart(config: Config, other_artifact: Path):
    with running(config) as client:
        set_canary(client, other_artifact, 0.25)
        answers = batch(client)
        canary = client.status().canary
        for version, counted in (
            (canary.artifact_version, canary.canary),
            (client.status().in_force.artifact_version, canary.main),
        ):
            ours = [one for one in answers if one.artifact_version == version]
            assert counted.decision_count == len(ours)
            assert dict(counted.tier_counts) == Counter(one.tier for one in ours)
            chosen = [
                candidate
                for one in ours
                for candidate in one.candidates
                if candidate.deployment == one.deployment
            ]
            mean = sum(one.expected_cost_usd for one in chosen) / len(chosen)
            assert counted.expected_cost_usd.value == pytest.approx(mean)
            assert counted.adequacy.low <= counted.adequacy.value <= counted.adequacy.high


def test_a_canary_ends_when_it_is_put_in_force_and_when_it_is_called_off(
    config: Config, other_artifact: Path
):
    with running(config) as client:
        first = client.version()
        set_canary(client, other_artifact, 0.5)
        client.reload(artifact=other_artifact)
        status = client.status()
        assert not status.HasField("canary")
        assert "the canary ended" in status.last_attempt.message
        client.rollback()
        set_canary(client, other_artifact, 1.0)
        assert client.version() != first
        set_canary(client)
        assert client.version() == first
        assert not client.status().HasField("canary")


def test_a_canary_goes_on_beside_new_prices(config: Config, other_artifact: Path, tmp_path: Path):
    text = config.catalog.read_text(encoding="utf-8")
    cheaper = tmp_path / "cheaper.toml"
    cheaper.write_text(text.replace("input_usd_per_mtok = 3.0", "input_usd_per_mtok = 2.0"))
    with running(config) as client:
        set_canary(client, other_artifact, 1.0)
        set_shadow(client, other_artifact, 1.0)
        before = client.router.Route(HELLO)
        client.reload(catalog=cheaper)
        after = client.router.Route(HELLO)
        assert after.artifact_version == before.artifact_version
        assert after.candidates[-1].expected_cost_usd < before.candidates[-1].expected_cost_usd
        assert client.status().HasField("shadow")


def test_a_server_may_start_with_a_canary_and_a_shadow(config: Config, other_artifact: Path):
    started = replace(
        config, canary=other_artifact, canary_share=1.0, shadow=other_artifact, shadow_share=1.0
    )
    with running(started) as client:
        status = client.status()
        assert client.version() == status.canary.artifact_version
        assert status.shadow.artifact == str(other_artifact)


@pytest.mark.parametrize("change", [set_canary, set_shadow])
def test_a_trial_that_cannot_be_is_refused_and_changes_nothing(
    config: Config, tiny_artifact: Path, tmp_path: Path, change
):
    with running(config) as client:
        for artifact, share, reason in (
            (tiny_artifact, 0.5, "ALREADY_IN_FORCE"),
            (tmp_path / "nowhere", 0.5, "ARTIFACT_FILE_MISSING"),
            (tiny_artifact, 0.0, "SHARE_OUT_OF_RANGE"),
            (tiny_artifact, 1.5, "SHARE_OUT_OF_RANGE"),
            (tiny_artifact, math.nan, "SHARE_OUT_OF_RANGE"),
            ("", 0.5, "SHARE_OUT_OF_RANGE"),
            ("x" * 5000, 0.5, "PATH_INVALID"),
        ):
            assert refusal(lambda a=artifact, s=share: change(client, a, s))[1] == reason
        status = client.status()
        assert not status.HasField("canary")
        assert not status.HasField("shadow")
        assert client.health("reload") == "SERVING"


def test_a_canary_must_keep_the_contracts_that_are_kept(
    config: Config, tiny_artifact: Path, other_artifact: Path, tmp_path: Path
):
    kept = calibrated(copy_artifact(tiny_artifact, tmp_path / "kept"))
    with running(replace(config, artifact=kept)) as client:
        refused = refusal(lambda: set_canary(client, other_artifact, 0.5))
        assert refused == ("FAILED_PRECONDITION", "CONTRACTS_LOST")


def test_a_shadow_of_the_same_numbers_agrees_on_everything(
    config: Config, tiny_artifact: Path, tmp_path: Path
):
    twin = calibrated(copy_artifact(tiny_artifact, tmp_path / "twin"))  # another version
    with running(config) as client:
        set_shadow(client, twin, 1.0)
        batch(client)
        shadow = compared(client)
        assert shadow.compared_count == len(SESSIONS)
        assert shadow.same_tier.value == shadow.same_deployment.value == 1.0
        assert 0.98 < shadow.same_tier.low < 1.0
        assert shadow.cost_difference_usd.value == shadow.cost_difference_usd_by_shadow.value == 0
        assert {one.value for one in shadow.tier_adequacy_differences.values()} == {0.0}
        assert {(one.tier, one.shadow_tier) for one in shadow.moves} == {
            (one.tier, one.tier) for one in shadow.moves
        }


def test_a_shadow_has_no_effect_and_its_differences_are_those_of_the_two_artifacts(
    config: Config, other_artifact: Path
):
    with running(config) as client, running(replace(config, artifact=other_artifact)) as other:
        goal = pb.Goal(quality_target=0.6)
        alone = batch(client, goal=goal)
        set_shadow(client, other_artifact, 1.0)
        ours = batch(client, goal=goal)
        theirs = batch(other, goal=goal)
        assert [list(one.candidates) for one in ours] == [list(one.candidates) for one in alone]
        assert {one.artifact_version for one in ours} == {one.artifact_version for one in alone}
        shadow = compared(client)
        pairs = Counter((a.tier, b.tier) for a, b in zip(ours, theirs, strict=True))
        assert {(one.tier, one.shadow_tier): one.count for one in shadow.moves} == pairs
        assert any(tier != other for tier, other in pairs)
        costs = {one.deployment: one.expected_cost_usd for one in ours[0].candidates}
        difference = costs[theirs[0].deployment] - costs[ours[0].deployment]
        assert shadow.cost_difference_usd.value == pytest.approx(difference)  # one prompt for all
        for mine, his in zip(ours[0].candidates, theirs[0].candidates, strict=True):
            gap = shadow.tier_adequacy_differences[mine.tier].value
            assert gap == pytest.approx(his.adequacy - mine.adequacy)


def test_a_shadow_sees_a_share_and_counts_what_it_cannot_decide(
    config: Config, tiny_artifact: Path, other_artifact: Path, tmp_path: Path
):
    kept = calibrated(copy_artifact(tiny_artifact, tmp_path / "kept"))
    with running(replace(config, artifact=kept)) as client:
        set_shadow(client, other_artifact, 0.25)
        batch(client)
        assert 60 <= compared(client).compared_count <= 140
        goal = pb.Goal(contract=pb.Contract(max_loss_rate=0.05))
        set_shadow(client, other_artifact, 1.0)
        assert all(one.tier for one in batch(client, goal=goal))
        shadow = compared(client)
        assert dict(shadow.failure_counts) == {"CONTRACT_NOT_CALIBRATED": len(SESSIONS)}
        assert shadow.compared_count == 0


def test_requests_a_full_shadow_has_no_room_for_are_dropped_and_counted(
    config: Config, other_artifact: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("router.rollout.shadow.CAPACITY", 10)
    with running(config) as client:
        set_shadow(client, other_artifact, 1.0)
        batch(client)
        shadow = compared(client)
        assert shadow.dropped_count > 0
        assert shadow.compared_count + shadow.dropped_count == len(SESSIONS)


def test_metrics_hold_what_the_status_says(config: Config, other_artifact: Path):
    def number(name: str, *labels: str) -> float:
        return client.server.snapshot()[name][labels][0]

    with running(config) as client:
        assert number("router_reload_ok") == 1
        refusal(lambda: client.reload(artifact="nowhere"))
        set_canary(client, other_artifact, 0.25)
        set_shadow(client, other_artifact, 1.0)
        batch(client)
        shadow, canary = compared(client), client.status().canary
        assert number("router_reload_ok") == 0
        assert number("router_changes_total", "reload", "refused") == 1
        assert number("router_changes_total", "set_shadow", "changed") == 1
        for move in shadow.moves:
            name = "router_shadow_compared_total"
            assert number(name, move.tier, move.shadow_tier) == move.count
        assert shadow.compared_count == canary.main.decision_count  # the canary has no shadow
        total = shadow.cost_difference_usd.value * shadow.compared_count
        assert number("router_shadow_cost_difference_usd") == pytest.approx(total)
        for tier, count in canary.canary.tier_counts.items():
            assert number("router_canary_decisions_total", "canary", tier) == count
        for version in (client.status().in_force, canary):
            assert number("router_artifact_info", version.artifact_version) == 1


@pytest.mark.parametrize("method", ["Reload", "Rollback", "SetCanary", "SetShadow", "GetStatus"])
def test_bytes_that_are_no_message_change_nothing(config: Config, method: str):
    with running(config) as client, grpc.insecure_channel(client.address) as channel:
        call = channel.unary_unary(f"/router.v1.AdminService/{method}")
        assert refusal(lambda: call(b"\xff")) == ("INVALID_ARGUMENT", "NOT_A_MESSAGE")
        assert not client.status().HasField("last_attempt")


def test_a_server_that_takes_no_changes_says_how_it_would(
    config: Config, capsys: pytest.CaptureFixture[str]
):
    with running(replace(config, admin=False)) as client:
        assert main(["admin", "--address", client.address, "status"]) == 1
    assert "start the server with --admin" in capsys.readouterr().err


def test_the_admin_command_does_and_shows_all_of_it(
    config: Config, other_artifact: Path, capsys: pytest.CaptureFixture[str]
):
    with running(config) as client:

        def admin_says(*arguments: str, status: int = 0) -> str:
            assert main(["admin", "--address", client.address, *arguments]) == status
            out, err = capsys.readouterr()
            return out + err

        place = str(other_artifact)
        assert "error: nothing was swapped" in admin_says("rollback", status=1)
        assert "nothing changed" in admin_says("reload")
        assert "answers 50.00%" in admin_says("canary", "--artifact", place, "--share", "0.5")
        assert "decides 100.00%" in admin_says("shadow", "--artifact", place, "--share", "1")
        batch(client)
        compared(client)
        said = admin_says("status")
        for words in ("in force", "same tier", "set shadow changed: 1", "canary", "main"):
            assert words in said
        assert "no canary" in admin_says("canary", "--off")
        assert "no shadow" in admin_says("shadow", "--off")
        assert f"({place})" in admin_says("reload", "--artifact", place)
        assert "previous" in admin_says("rollback")
