"""What was chosen to be in force outlives a restart, and other processes follow it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from swapping import HELLO, Client, running
from tiny_artifact import copy_artifact, write_artifact
from waiting import wait_until

from router.config import Config
from router.errors import SwapError
from router.rollout.choice import Choice, Trial, read_choice, write_choice
from router.v1 import admin_pb2 as admin

CHOICE = Choice("a", "a", "c", "1", "2", ("a", "c"), canary=Trial("b", 0.5))


@pytest.fixture
def config(server_config: Config, tmp_path: Path) -> Config:
    return replace(
        server_config,
        store=tmp_path / "outcomes.sqlite3",
        admin=True,
        choice=tmp_path / "choice.json",
    )


def trials(client: Client) -> tuple[str, str]:
    status = client.status()
    return status.canary.artifact, status.shadow.artifact


def test_a_restart_begins_with_what_was_chosen_last(config: Config, other_artifact: Path):
    with running(config) as client:
        first = client.version()
        client.reload(artifact=other_artifact)
        second = client.version()
    with running(config) as client:
        assert client.version() == second
        client.rollback()
    with running(config) as client:
        assert client.version() == first
        assert client.health("reload") == "SERVING"


def test_a_configuration_that_names_something_else_is_newer_than_a_choice(
    config: Config, tiny_artifact: Path, other_artifact: Path, tmp_path: Path
):
    with running(config) as client:
        client.reload(artifact=other_artifact)
    third = copy_artifact(tiny_artifact, tmp_path / "third")
    with running(replace(config, artifact=third)) as client:
        assert client.status().in_force.artifact == str(third)


def test_a_link_that_was_moved_while_nobody_served_is_newer_than_a_choice_and_a_rollback_is_not(
    config: Config, tiny_artifact: Path, other_artifact: Path, tmp_path: Path
):
    link = tmp_path / "current"
    link.symlink_to(tiny_artifact)

    def move(to: Path) -> None:
        (tmp_path / "next").symlink_to(to)
        (tmp_path / "next").replace(link)

    linked = replace(config, artifact=link)
    with running(linked) as client:
        first = client.version()
        move(other_artifact)
        client.reload()
        second = client.version()
        client.rollback()
    with running(linked) as client:
        assert client.version() == first  # though the link leads to the second
        assert client.reload().in_force.artifact_version == second  # which is followed again
        client.rollback()
    third = write_artifact(tmp_path / "third", bias=2.0)
    move(third)
    with running(linked) as client:
        assert client.version() not in {first, second}


def test_another_process_follows_reload_canary_shadow_and_rollback(
    config: Config, other_artifact: Path, tmp_path: Path
):
    third = str(write_artifact(tmp_path / "third", bias=2.0))
    with running(config) as one, running(replace(config, store=tmp_path / "other")) as other:
        first = one.version()
        one.reload(artifact=other_artifact)
        wait_until(lambda: other.version() == one.version() != first)
        assert other.status().last_attempt.trigger == "choice"
        other.admin.SetCanary(admin.SetCanaryRequest(artifact=third, share=0.5))
        other.admin.SetShadow(admin.SetShadowRequest(artifact=third, share=1.0))
        wait_until(lambda: trials(one) == (third, third))
        one.admin.SetCanary(admin.SetCanaryRequest())
        wait_until(lambda: trials(other) == ("", third))
        other.rollback()
        wait_until(lambda: one.status().in_force.artifact_version == first)
        assert trials(other) == ("", third)


def test_what_was_chosen_and_is_gone_leaves_what_is_configured_and_says_so(
    config: Config, other_artifact: Path, tmp_path: Path
):
    moved = copy_artifact(other_artifact, tmp_path / "moved")
    with running(config) as client:
        first = client.version()
        client.reload(artifact=moved)
    moved.rename(tmp_path / "away")
    with running(config) as client:
        assert client.version() == first
        assert client.health("reload") == "NOT_SERVING"
        assert client.status().last_attempt.reason == "ARTIFACT_FILE_MISSING"


def test_a_directory_that_holds_another_version_by_now_is_not_what_was_chosen(
    config: Config, other_artifact: Path, tmp_path: Path
):
    place = copy_artifact(other_artifact, tmp_path / "place")
    with running(config) as client:
        first = client.version()
        client.reload(artifact=place)
    place.rename(tmp_path / "away")
    write_artifact(place, bias=2.0)
    with running(config) as client:
        assert client.version() == first
        assert client.status().last_attempt.reason == "ANOTHER_VERSION"


def test_a_choice_that_cannot_be_read_stops_nothing_and_the_next_one_is_written_over_it(
    config: Config, other_artifact: Path
):
    config.choice.write_text("{", encoding="utf-8")
    with running(config) as client:
        assert client.router.Route(HELLO).tier
        assert client.health("reload") == "NOT_SERVING"
        client.reload(artifact=other_artifact)
        assert client.health("reload") == "SERVING"
    assert read_choice(config.choice).artifact == str(other_artifact)


def test_a_choice_that_cannot_be_kept_is_in_force_and_said(
    config: Config, other_artifact: Path, tmp_path: Path
):
    gone = replace(config, choice=tmp_path / "nowhere" / "choice.json")
    with running(gone) as client:
        first = client.version()
        client.reload(artifact=other_artifact)
        assert client.version() != first
        assert "cannot be kept there" in client.status().last_attempt.message


def test_a_choice_is_read_as_it_was_written(tmp_path: Path):
    path = tmp_path / "choice.json"
    assert read_choice(path) is None
    write_choice(path, CHOICE)
    assert read_choice(path) == CHOICE
    assert [one.name for one in tmp_path.iterdir()] == ["choice.json"]


@pytest.mark.parametrize(
    "change",
    [{"format": 2}, {"canary": {}}, {"configured": 3}, {"more": 1}, {"canary": {"share": "x"}}],
    ids=str,
)
def test_what_is_no_choice_is_refused_by_name(tmp_path: Path, change: dict[str, object]):
    path = tmp_path / "choice.json"
    write_choice(path, CHOICE)
    content = json.loads(path.read_text(encoding="utf-8")) | change
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(SwapError, match="not a choice of artifact and catalog"):
        read_choice(path)
