"""Signed artifacts: taken with the right key, refused without, by command and by server."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from certificates import Authority, signing_keys
from tiny_artifact import copy_artifact

from router.cli.main import main
from router.config import Config
from router.errors import ArtifactError, ConfigError, MissingExtraError
from router.predict.artifact import load_artifact
from router.predict.signature import sign_artifact
from router.server.app import RouterServer


@pytest.fixture
def place(tiny_artifact: Path, tmp_path: Path) -> Path:
    return copy_artifact(tiny_artifact, tmp_path / "artifact")


def test_a_server_takes_the_signed_artifact_and_no_other(
    server_config: Config, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = signing_keys(tmp_path)
    config = replace(
        server_config, artifact=place, store=tmp_path / "o.sqlite3", artifact_public_key=public
    )
    with pytest.raises(ArtifactError) as caught:
        RouterServer(config)
    assert caught.value.reason == "ARTIFACT_UNSIGNED"
    assert main(["sign", "--artifact", str(place), "--key", str(private)]) == 0
    assert capsys.readouterr().out == f"{place / 'manifest.sig'}\n"
    with RouterServer(config) as server:
        assert server.engine.artifact.directory == place


def test_a_signature_of_another_key_or_another_artifact_is_refused(
    place: Path, tmp_path: Path
) -> None:
    _, public = signing_keys(tmp_path, "ours")
    other, _ = signing_keys(tmp_path, "other")
    path = sign_artifact(place, other)
    for content in (path.read_bytes(), b"", b"x" * 64):
        path.write_bytes(content)
        with pytest.raises(ArtifactError) as caught:
            load_artifact(place, public_key=public)
        assert caught.value.reason == "ARTIFACT_SIGNATURE"


def test_the_signature_is_what_openssl_makes_and_checks(place: Path, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    private, public = signing_keys(tmp_path)
    by_hand = tmp_path / "by-hand.sig"
    subprocess.run(
        [openssl, "pkeyutl", "-sign", "-rawin", "-inkey", str(private),
         "-in", str(place / "manifest.json"), "-out", str(by_hand)],
        check=True,
    )  # fmt: skip
    assert sign_artifact(place, private).read_bytes() == by_hand.read_bytes()
    assert load_artifact(place, public_key=public).directory == place


def test_a_key_of_another_kind_or_none_is_refused_by_name(place: Path, tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("elliptic")
    with pytest.raises(ConfigError, match=r"--key = .*no Ed25519 private key in PEM"):
        sign_artifact(place, pair.key)
    _, public = signing_keys(tmp_path)
    with pytest.raises(ConfigError, match="no Ed25519 private key"):
        sign_artifact(place, public)
    with pytest.raises(ConfigError, match=r"artifact_public_key = .*no Ed25519 public key"):
        load_artifact(place, public_key=tmp_path / "nowhere.pub")


def test_without_the_extra_an_unsigned_world_works_and_a_signed_one_says_what_is_missing(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, public = signing_keys(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert load_artifact(place).directory == place
    with pytest.raises(MissingExtraError, match=r"pip install \"llm-tier-router\[sign\]\""):
        load_artifact(place, public_key=public)
