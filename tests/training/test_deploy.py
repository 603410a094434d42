"""From an alias of a real MLflow registry to the directory a real server reads."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from tiny_artifact import copy_artifact, replace_file, write_artifact

from router.client import RouterClient
from router.config import Config
from router.errors import TrainingError
from router.predict.artifact import read_manifest
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from training.deploy import Registry, deploy, main, watch
from training.released import Released
from training.settings import CHAMPION, MODEL_NAME, Settings
from training.tracking import ARTIFACT_PATH, start_run


class Place:
    """A registry, a directory of releases, and what was said."""

    def __init__(self, store: str, root: Path) -> None:
        self.settings = Settings(tracking_uri=store)
        self.released = Released(root / "models")
        self.registry = Registry(store, MODEL_NAME, CHAMPION)
        self.said: list[str] = []

    def promote(self, artifact: Path) -> str:
        """Register an artifact as champion; return its version."""
        version = read_manifest(artifact).version
        with start_run(self.settings) as run:
            run.files(artifact, ARTIFACT_PATH)
            run.register(version, champion=True)
        return version

    def deploy(self, address: str | None = None, keep: int = 3) -> str:
        return deploy(self.registry, self.released, address, keep, self.said.append)


@pytest.fixture
def place(tmp_path: Path, new_store: Callable[[Path], str]) -> Place:
    return Place(new_store(tmp_path), tmp_path)


@pytest.fixture
def config(server_config: Config, place: Place, tmp_path: Path) -> Config:
    return replace(
        server_config,
        artifact=place.released.current,
        store=tmp_path / "outcomes.sqlite3",
        admin=True,
    )


@pytest.fixture
def serving(config: Config, place: Place, tiny_artifact: Path) -> Iterator[str]:
    """Return the address of a server that reads what was deployed first."""
    place.promote(tiny_artifact)
    place.deploy()
    with RouterServer(config) as server:
        yield f"127.0.0.1:{server.port}"


def served(address: str) -> str:
    with RouterClient(address) as client:
        return client.route(pb.RouteRequest(prompt="Hello there!")).artifact_version


def test_what_the_alias_points_to_is_written_verified_and_served(
    place: Place, serving: str, tiny_artifact: Path, other_artifact: Path
):
    assert served(serving) == read_manifest(tiny_artifact).version
    version = place.promote(other_artifact)
    assert place.deploy(serving) == "2"
    assert place.released.in_use() == version
    assert served(serving) == version
    assert read_manifest(place.released.current).version == version
    place.deploy(serving)
    assert place.said[-1].endswith(f"served already artifact {version}")


def test_moving_the_alias_back_goes_back_for_good(
    place: Place, serving: str, tiny_artifact: Path, other_artifact: Path
):
    place.promote(other_artifact)
    place.deploy(serving)
    client = MlflowClient(place.settings.tracking_uri)
    client.set_registered_model_alias(MODEL_NAME, CHAMPION, "1")
    place.deploy(serving)
    assert served(serving) == read_manifest(tiny_artifact).version
    assert place.released.in_use() == read_manifest(tiny_artifact).version


def test_what_is_damaged_in_the_registry_never_reaches_the_directory(
    place: Place, serving: str, other_artifact: Path, tmp_path: Path
):
    before = place.released.in_use()
    damaged = copy_artifact(other_artifact, tmp_path / "damaged")
    replace_file(damaged / "heads.onnx", (damaged / "heads.onnx").read_bytes()[:-1])
    with start_run(place.settings) as run:
        run.files(damaged, ARTIFACT_PATH)
        run.register("damaged", champion=True)
    arguments = ["--to", str(place.released.directory), "--address", serving]
    assert main([*arguments, "--tracking-uri", place.settings.tracking_uri]) == 1
    assert place.released.in_use() == before == served(serving)
    assert not list(place.released.directory.glob(".new-*"))


def test_what_the_server_refuses_is_not_what_its_next_start_reads(
    place: Place, serving: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    before = place.released.in_use()
    tiers = (("tiny", "a"), ("huge", "b"))
    place.promote(write_artifact(tmp_path / "of_other_tiers", tiers=tiers))
    arguments = ["--to", str(place.released.directory), "--address", serving]
    assert main([*arguments, "--tracking-uri", place.settings.tracking_uri]) == 1
    assert "predicts for tiers ['tiny', 'huge']" in capsys.readouterr().err
    assert place.released.in_use() == before == served(serving)


def test_an_alias_nobody_has_and_a_directory_of_something_else_are_refused(
    place: Place, tmp_path: Path
):
    with pytest.raises(TrainingError, match=r"models:/llm-tier-router@champion: not found"):
        place.deploy()
    assert place.released.in_use() is None
    (tmp_path / "else" / "current").mkdir(parents=True)
    with pytest.raises(TrainingError, match="is no link"):
        Released(tmp_path / "else")


def test_old_versions_are_removed_and_the_one_in_use_stays(place: Place, tmp_path: Path):
    versions = []
    for number in range(4):
        artifact = write_artifact(tmp_path / f"made{number}", bias=1.0 + number)
        versions.append(place.promote(artifact))
        place.deploy(keep=2)
    there = {path.name for path in place.released.directory.iterdir() if not path.is_symlink()}
    assert there == set(versions[-2:])
    assert place.released.in_use() == versions[-1]
    place.released.point(versions[-2])
    assert place.released.prune(1) == [versions[-1]]
    assert place.released.in_use() == versions[-2]


def test_a_watch_deploys_each_change_once_and_tries_again_what_failed(
    place: Place, tiny_artifact: Path, other_artifact: Path, monkeypatch: pytest.MonkeyPatch
):
    deployed: list[str] = []
    looks = iter(
        [
            lambda: place.promote(tiny_artifact),  # before: an alias nobody has
            lambda: None,
            lambda: place.promote(other_artifact),
            lambda: None,
        ]
    )

    def sleep(seconds: float) -> None:
        assert seconds == 5.0
        try:
            next(looks)()
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("training.deploy.time.sleep", sleep)

    def act() -> str:
        deployed.append(place.deploy())
        return deployed[-1]

    with pytest.raises(KeyboardInterrupt):
        watch(act, place.registry.aliased, 5.0, place.said.append)
    assert deployed == ["1", "2"]
    assert place.said[0].startswith("error: models:/llm-tier-router@champion: not found")
