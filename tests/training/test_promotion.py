"""What becomes of champion, output and registry as better and worse runs follow each other."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from synthetic import ENCODER, shuffled

from eval.outcomes import Origin, OutcomeTable, read_outcomes, write_outcomes
from router.catalog import Catalog, parse_catalog
from router.engine import build_engine
from router.errors import DataError
from router.predict.artifact import load_artifact, read_manifest
from training.build import fit_and_export
from training.data import read_training_data
from training.pipeline import Finished, _verdict, train
from training.settings import CHAMPION, MODEL_NAME, Settings
from training.tracking import ARTIFACT_PATH, champion_directory, start_run

ORIGIN = Origin("made up", "", "none")


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@dataclass(frozen=True)
class Story:
    """Two runs, and how champion and output stood after each.

    The champion before them and the second learnt from outcomes dealt out at random (held-out ones
    stay as they are), the first learnt from the true ones.
    """

    settings: Settings
    old_version: str
    runs: tuple[Finished, ...]
    champions: tuple[str, ...]
    outputs: tuple[dict[str, bytes], ...]
    told: tuple[str, ...]


@pytest.fixture(scope="module")
def story(
    made_up: OutcomeTable,
    parts: np.ndarray,
    catalog: Catalog,
    made_up_catalog_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
    new_store: Callable[[Path], str],
) -> Story:
    place = tmp_path_factory.mktemp("story")
    nonsense = shuffled(made_up, parts != "test")
    for name, table in (("good", made_up), ("bad", nonsense)):
        write_outcomes(table, place / name / "outcomes.parquet", ORIGIN)
    settings = Settings(
        encoder=ENCODER,
        catalog=made_up_catalog_file,
        out=place / "out",
        tracking_uri=new_store(place / "store"),
        draws=60,
        candidate="logistic",
        distil=False,
        prior=None,
    )
    fit_and_export(settings, catalog, nonsense, settings.out, lambda _: None)
    old_version = read_manifest(settings.out).version
    with start_run(settings) as run:
        run.files(settings.out, ARTIFACT_PATH)
        run.register(old_version, champion=True)
    client = MlflowClient(settings.tracking_uri)
    runs, champions, outputs, told = [], [], [], []
    for name in ("good", "bad"):
        with pytest.MonkeyPatch.context() as patch:
            # Pictures take longer than the training; test_pipeline looks at them.
            patch.setattr("training.pipeline.write_report", lambda *_: [])
            runs.append(train(replace(settings, data=str(place / name)), told.append))
        alias = client.get_model_version_by_alias(MODEL_NAME, CHAMPION)
        champions.append(str(alias.version))
        outputs.append(content(settings.out))
    return Story(settings, old_version, tuple(runs), tuple(champions), tuple(outputs), tuple(told))


def test_a_better_run_takes_output_and_alias(story: Story) -> None:
    better = story.runs[0]
    assert better.promoted
    assert better.verdict is not None
    assert better.verdict.champion_version == story.old_version
    assert read_manifest(story.settings.out).version == better.artifact_version
    assert story.champions[0] == better.registered_version == "2"


def test_a_worse_run_leaves_output_and_alias_as_they_were(story: Story) -> None:
    worse = story.runs[1]
    assert not worse.promoted
    assert worse.verdict is not None
    assert worse.verdict.champion_version == story.runs[0].artifact_version
    assert any("NOT promoted: against champion" in line for line in story.told)
    assert story.outputs[1] == story.outputs[0]
    assert story.champions[1] == story.champions[0]


def test_a_run_that_was_not_promoted_is_kept_and_says_so(story: Story) -> None:
    client = MlflowClient(story.settings.tracking_uri)
    run = client.get_run(story.runs[1].run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["promoted"] == "false"
    assert client.get_model_version(MODEL_NAME, "3").run_id == run.info.run_id


@pytest.mark.parametrize("number", [0, 1])
def test_each_run_keeps_its_own_artifact_not_its_champions(
    story: Story, tmp_path: Path, number: int
) -> None:
    run = story.runs[number]
    client = MlflowClient(story.settings.tracking_uri)
    kept = Path(client.download_artifacts(run.run_id, "artifact", str(tmp_path)))
    assert read_manifest(kept).version == run.artifact_version


def test_the_champion_is_read_back_whole(story: Story, tmp_path: Path) -> None:
    directory = champion_directory(story.settings, tmp_path)
    assert directory is not None
    assert content(directory) == story.outputs[-1]


@pytest.fixture
def fitted(made_up: OutcomeTable, catalog: Catalog, tmp_path: Path) -> Path:
    settings = Settings(encoder=ENCODER, candidate="logistic", seed=3, distil=False, prior=None)
    fit_and_export(settings, catalog, made_up, tmp_path / "fitted", lambda _: None)
    return tmp_path / "fitted"


def test_a_champion_of_another_split_is_told_of(
    story: Story, fitted: Path, catalog: Catalog, made_up: OutcomeTable, tmp_path: Path
) -> None:
    told: list[str] = []
    engine = build_engine(load_artifact(fitted), catalog)
    settings = replace(story.settings, seed=3)
    assert _verdict(settings, engine, made_up, tmp_path / "v", told.append) is not None
    assert len(told) == 1
    assert "the champion's split has seed 0, this one 3" in told[0]


def test_a_champion_for_another_threshold_is_told_of_and_not_compared(
    story: Story, made_up: OutcomeTable, tmp_path: Path, made_up_catalog_file: Path
) -> None:
    import tomllib

    strict = parse_catalog(
        tomllib.loads(made_up_catalog_file.read_text()) | {"adequate_quality": 0.9}, "strict"
    )
    settings = Settings(encoder=ENCODER, candidate="logistic", distil=False, prior=None)
    fit_and_export(settings, strict, made_up, tmp_path / "strict", lambda _: None)
    engine = build_engine(load_artifact(tmp_path / "strict"), strict)
    told: list[str] = []
    assert _verdict(story.settings, engine, made_up, tmp_path / "v", told.append) is None
    assert "does not fit this catalog" in told[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"encoder_sha256": "0" * 64}, "ENCODER_MISMATCH"),
        ({"features_version": "0"}, "FEATURES_MISMATCH"),
    ],
)
def test_outcomes_of_another_encoder_or_feature_version_are_refused(
    made_up: OutcomeTable, tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    write_outcomes(replace(made_up, **change), tmp_path / "old.parquet", ORIGIN)
    with pytest.raises(DataError, match="run `make data` to rebuild") as caught:
        read_training_data(Settings(data=str(tmp_path), encoder=ENCODER), lambda _: None)
    assert caught.value.reason == reason


def test_outcome_files_are_read_by_file_and_by_directory(
    made_up: OutcomeTable, tmp_path: Path
) -> None:
    write_outcomes(made_up, tmp_path / "some.parquet", ORIGIN)
    hashes = {
        read_training_data(Settings(data=str(path), encoder=ENCODER), lambda _: None).content_hash()
        for path in (tmp_path, tmp_path / "some.parquet")
    }
    assert hashes == {read_outcomes(tmp_path).content_hash()}
