"""Where shipped files lie, in a checkout and in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def default_artifact_directory() -> Path:
    """Return the artifact that ships with the package."""
    return _PACKAGE / "artifacts" / "default"


def default_catalog_path() -> Path:
    """Return the default catalog."""
    return _shipped("catalog.toml")


def sample_prompts_path() -> Path:
    """Return the sample prompts written for this project, one JSON object a line."""
    return _shipped("sample_prompts.jsonl")


def _shipped(name: str) -> Path:
    """A wheel carries a copy of some files of data/; a checkout has data/ itself."""
    in_wheel = _PACKAGE / "data" / name
    return in_wheel if in_wheel.exists() else _PACKAGE.parent / "data" / name
