"""Spoilt files that a server reads into their loaders; how inputs are tried is ``fuzz``."""

import contextlib
import hashlib
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.hard.fuzz import Trial
from bench.hard.mutate import spoilt
from router.access.keys_file import CallerLimits, read_keys
from router.catalog import load_catalog
from router.config_sources import load_config
from router.defaults import default_artifact_directory, default_catalog_path
from router.predict.artifact import load_artifact, manifest_version
from router.rollout.choice import Choice, read_choice, write_choice
from router.rollout.choice import Trial as Chosen

_KEYS = b"""format = 1

[[keys]]
id = "8c1f02ab"
name = "checkout"
sha256 = "0f4a3c9d1b7e5286a9d0c4f3e2b1a0998877665544332211ffeeddccbbaa0099"
scopes = ["route", "record"]
expires = 2027-06-30
requests_per_second = 200
burst = 400
max_in_flight = 64
"""
_VALUES: tuple[Any, ...] = (
    None, True, 0, 1, -1, 10**30, 0.5, float("inf"), float("nan"), "", "x", "../../etc/passwd", [],
    {}, [[]], ["small"], {"a": 1},
)  # fmt: skip


@contextlib.contextmanager
def files_trial() -> Iterator[Trial]:
    """Return trials of the loaders of catalog, configuration, artifact, API keys and choice."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        shutil.copytree(default_artifact_directory(), place / "artifact")
        yield _files_trial(place)


def _files_trial(place: Path) -> Trial:
    catalog = default_catalog_path().read_bytes()
    settings = b'threads = 8\nstore = "a.sqlite3"\ngrace_seconds = 2.5\nreflection = true\n'
    settings += b'address = "127.0.0.1:0"\nmetrics_address = "127.0.0.1:1"\nlog_format = "json"\n'
    artifact = place / "artifact"
    small = [path for path in sorted(artifact.iterdir()) if path.suffix in (".json", ".jsonl")]
    whole = {path: path.read_bytes() for path in sorted(artifact.iterdir())}

    kinds: dict[str, tuple[bytes, Callable[[Path], object]]] = {
        "catalog": (catalog, load_catalog),
        "config": (settings, lambda path: load_config(path, {})),
        "keys": (_KEYS, lambda path: read_keys(path, CallerLimits())),
        "choice": (_choice(place), read_choice),
    }

    def trial(generator: random.Random) -> tuple[str, Any, Callable[[], None]]:
        if not generator.randrange(10):
            return _artifact_trial(artifact, small, whole, generator)
        name = generator.choices(list(kinds), (5, 2, 2, 1))[0]
        whole_file, load = kinds[name]
        content = spoilt(whole_file, [settings, catalog], generator)
        path = place / f"{name}.toml"
        path.write_bytes(content)
        return name, content, lambda: (load(path), None)[1]

    return trial


def _choice(place: Path) -> bytes:
    path = place / "choice.json"
    trial = Chosen("artifact", 0.5)
    write_choice(path, Choice("artifact", "artifact", "c.toml", "a1", "c1", ("x",), trial, trial))
    return path.read_bytes()


def _artifact_trial(
    artifact: Path, small: list[Path], whole: dict[Path, bytes], generator: random.Random
) -> tuple[str, Any, Callable[[], None]]:
    """Spoil one file, mostly a small one; mostly, what vouches for it is made to fit again."""
    path = generator.choice(small if generator.random() < 0.9 else list(whole))
    is_manifest, fits = path.name == "manifest.json", generator.random() < 0.8
    content = (
        _other_manifest(whole[path], generator)
        if is_manifest and fits
        else spoilt(whole[path], [whole[small[0]]], generator)
    )

    def work() -> None:
        manifest = artifact / "manifest.json"
        path.write_bytes(content)
        try:
            if fits and not is_manifest:
                _make_fit(manifest, path.name, content)
            load_artifact(artifact)
        finally:
            path.write_bytes(whole[path])
            manifest.write_bytes(whole[manifest])

    return f"artifact/{path.name}", content[:300], work


def _other_manifest(data: bytes, generator: random.Random) -> bytes:
    """Return a manifest with one value changed and the version that goes with it."""
    content = json.loads(data)
    place = content
    while True:
        key = generator.choice(list(place) if isinstance(place, dict) else range(len(place)))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or generator.random() < 0.3:
            break
        place = inner
    if isinstance(place, dict) and generator.random() < 0.2:
        del place[key]
    else:
        place[key] = generator.choice(_VALUES)
    content["version"] = manifest_version(content)
    return json.dumps(content).encode()


def _make_fit(manifest: Path, name: str, data: bytes) -> None:
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["files"][name] = hashlib.sha256(data).hexdigest()
    content["version"] = manifest_version(content)
    manifest.write_text(json.dumps(content), encoding="utf-8")
