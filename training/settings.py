"""Settings of one training run, and where its results go."""

from dataclasses import dataclass, field
from pathlib import Path

from eval.bootstrap import DRAWS
from router.defaults import default_artifact_directory, default_catalog_path

FRACTIONS = (0.6, 0.2, 0.2)
DEFAULT_DATA = Path("data/outcomes")
DEFAULT_PRIOR = Path("data/coverage/prompts.jsonl")
DEFAULT_OTHERWISE = Path("data/otherwise")
MODEL_NAME = "llm-tier-router"
CHAMPION = "champion"
SHARED = "shared network"
ALL = "all"


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``make train`` is told.

    Attributes:
        data: Directory or file of bundled outcomes, a user's file, or a ``datasets`` id or path.
        catalog: Catalog file: tiers and their reference models.
        out: Artifact directory that is replaced when the run is promoted.
        prior: Coverage file whose prior part joins the training examples; None leaves it out.
        otherwise: Directory of recorded inputs of bundled prompts written otherwise; None leaves
            them out.
        encoder: Directory whose encoder is used.
        seed: Of the split, fitting and resampling.
        draws: Resamples behind the intervals of the evaluation and the promotion gate, >= 1.
        candidate: ``SHARED``, which is not one of ``CANDIDATES``, or the one of these to fit, or
            ``ALL`` of these to choose from.
        distil: Export one small network that gives what the chosen one of ``CANDIDATES`` gives,
            unless too much is lost; False exports the candidate itself.
        use_champion: Whether a champion must be beaten; without, the run is promoted as it is.
        skip_bad_rows: Go on without the bad rows of a user's data, after listing them.
        format: Format of a user's data, one of ``training.sources.load.FORMATS``; None tells it
            from the name.
        column_map: Pairs of our column name and the name in a user's data.
        traffic_log: Decision log of a server; with it the artifact must not lose on that traffic.
        traffic_outcomes: That server's store of outcomes.
        tracking_uri: MLflow tracking store.
        experiment: MLflow experiment name.
    """

    data: str = str(DEFAULT_DATA)
    catalog: Path = field(default_factory=default_catalog_path)
    out: Path = Path("build/artifact")
    prior: Path | None = DEFAULT_PRIOR
    otherwise: Path | None = DEFAULT_OTHERWISE
    encoder: Path = field(default_factory=default_artifact_directory)
    seed: int = 0
    draws: int = DRAWS
    candidate: str = SHARED
    distil: bool = True
    use_champion: bool = True
    skip_bad_rows: bool = False
    format: str | None = None
    column_map: tuple[tuple[str, str], ...] = ()
    traffic_log: Path | None = None
    traffic_outcomes: Path = Path("router-outcomes.sqlite3")
    tracking_uri: str = "sqlite:///mlflow.db"
    experiment: str = "llm-tier-router"
