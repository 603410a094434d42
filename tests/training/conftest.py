"""Fixtures shared by the training tests: made-up outcomes, what was fitted on them, a store."""

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from synthetic import DIMENSION, ENCODER, made_up_outcomes, write_catalog

from eval.outcomes import OutcomeTable
from eval.split import assign_split
from router.catalog import Catalog, load_catalog
from training.build import fit_and_export
from training.candidates import CANDIDATES, Candidate, fit_candidates
from training.labels import Examples, examples_of
from training.lengths import Lengths, fit_lengths
from training.settings import DEFAULT_PRIOR, Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def made_up_catalog_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalog(tmp_path_factory.mktemp("catalog") / "catalog.toml")


@pytest.fixture(scope="session")
def catalog(made_up_catalog_file: Path) -> Catalog:
    return load_catalog(made_up_catalog_file)


@pytest.fixture(scope="session")
def small_prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a coverage file with the first prompts of the shipped prior; all of it takes long."""
    lines = (ROOT / DEFAULT_PRIOR).read_text(encoding="utf-8").splitlines(keepends=True)
    prior = [line for line in lines if json.loads(line)["part"] == "prior"]
    path = tmp_path_factory.mktemp("prior") / "prompts.jsonl"
    path.write_text("".join(prior[:40]), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def made_up() -> OutcomeTable:
    return made_up_outcomes()


@pytest.fixture(scope="session")
def parts(made_up: OutcomeTable) -> np.ndarray:
    """Return the part of each row of ``made_up`` for seed 0."""
    return assign_split(made_up.group, 0)


@pytest.fixture(scope="session")
def examples(made_up: OutcomeTable, parts: np.ndarray, catalog: Catalog) -> dict[str, Examples]:
    """Return the examples of each part."""
    every = examples_of(made_up, catalog, parts == "train")
    return {part: every.select(parts == part) for part in ("train", "validation", "test")}


@pytest.fixture(scope="session")
def candidates(examples: dict[str, Examples]) -> dict[str, Candidate]:
    """Return every candidate, fitted together, so that each member is fitted once."""
    train, validation = examples["train"], examples["validation"]
    fitted = fit_candidates(tuple(CANDIDATES), train, validation, dimension=DIMENSION, seed=0)
    return {candidate.name: candidate for candidate in fitted}


@pytest.fixture(scope="session")
def lengths(examples: dict[str, Examples], catalog: Catalog) -> Lengths:
    return fit_lengths(
        examples["train"], examples["validation"], catalog.tier_names, DIMENSION, seed=0
    )


@pytest.fixture(scope="session")
def plain(
    tmp_path_factory: pytest.TempPathFactory,
    made_up: OutcomeTable,
    catalog: Catalog,
    made_up_catalog_file: Path,
) -> Path:
    """Return an artifact of ``made_up`` that was never calibrated, to be read and copied only."""
    place = tmp_path_factory.mktemp("plain") / "artifact"
    settings = Settings(
        encoder=ENCODER, catalog=made_up_catalog_file, candidate="logistic", prior=None
    )
    fit_and_export(settings, catalog, made_up, place, lambda _: None)
    return place


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an MLflow store with nothing in it; making its tables takes seconds.

    Processes that run tests side by side share it, so that it is made once.
    """
    mlflow = pytest.importorskip("mlflow")
    base = tmp_path_factory.getbasetemp()
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    path = place / "empty-mlflow.db"
    with (place / "empty-mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            made = place / "half-made-mlflow.db"
            mlflow.MlflowClient(tracking_uri=f"sqlite:///{made}").search_registered_models()
            made.rename(path)
    return path


@pytest.fixture(scope="session")
def new_store(empty_store: Path) -> Callable[[Path], str]:
    """Return what copies the empty store into a directory and gives its tracking URI."""

    def copy(directory: Path) -> str:
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty_store, directory / "mlflow.db")
        return f"sqlite:///{directory / 'mlflow.db'}"

    return copy
