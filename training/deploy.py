"""``python -m training.deploy``: from an alias of the MLflow registry to a running server.

It runs beside a server, because serving knows no MLflow: what the alias points to is fetched,
verified, written where the server reads (``released``), and the server is asked to reload. If the
server refuses, the files lead back to what it serves.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from router.client import CallError, RouterClient
from router.errors import RouterError, TrainingError
from router.v1 import admin_pb2
from training.released import Released
from training.settings import CHAMPION, MODEL_NAME, Settings

_RELOAD_SECONDS = 60.0
_UNKNOWN = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN")

Say = Callable[[str], None]


class Aliased(NamedTuple):
    """What an alias points to.

    Attributes:
        number: Version number in the registry.
        artifact_version: Version of the artifact, as the registry is told; may be empty.
    """

    number: str
    artifact_version: str


class Registry:
    """The part of an MLflow registry that is read here.

    Args:
        tracking_uri: MLflow store or server.
        model: Name of the registered model.
        alias: Such as "champion".
    """

    def __init__(self, tracking_uri: str, model: str, alias: str) -> None:
        import mlflow

        mlflow.set_tracking_uri(tracking_uri)
        self._client = mlflow.MlflowClient()
        self.uri = f"models:/{model}@{alias}"
        self._model, self._alias = model, alias

    def aliased(self) -> Aliased:
        """Return what the alias points to now.

        Raises:
            TrainingError: the registry cannot be read, or has no such model or alias.
        """
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.get_model_version_by_alias(self._model, self._alias)
        except MlflowException as error:
            raise TrainingError(
                f"{self.uri}: not found or not readable ({error}); promote a version with "
                "'make train', or give another --model, --alias or --tracking-uri",
                reason="ALIAS_NOT_FOUND",
                metadata={"uri": self.uri},
            ) from error
        return Aliased(str(found.version), str(found.tags.get("artifact_version", "")))

    def fetch(self, number: str, into: Path) -> Path:
        """Download a version below a directory; return where its artifact lies.

        Raises:
            TrainingError: it cannot be downloaded.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            uri = self._client.get_model_version_download_uri(self._model, number)
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(into)))
        except (MlflowException, OSError) as error:
            raise TrainingError(
                f"{self.uri}: version {number} cannot be downloaded ({error})",
                reason="DOWNLOAD_FAILED",
                metadata={"uri": self.uri},
            ) from error


def deploy(registry: Registry, released: Released, address: str | None, keep: int, say: Say) -> str:
    """Bring what the alias points to into use; return its registry number.

    Args:
        registry: Where it comes from.
        released: Where it goes.
        address: Server to reload; None only writes.
        keep: Versions that stay on disk.
        say: Told what was done.

    Raises:
        TrainingError: see ``Registry``.
        ArtifactError: what was fetched is refused; nothing is changed.
        CallError: the server refused or could not be reached; if it refused, ``current`` leads to
            what it led to before.
    """
    number, version = registry.aliased()
    before = released.in_use()
    if not released.has(version):
        version = released.add(lambda into: registry.fetch(number, into))
    released.point(version)
    say(f"{registry.uri} is version {number}: artifact {version} in {released.current}")
    if address is not None:
        try:
            _reload(address, released.current, say)
        except CallError as error:
            if error.code not in _UNKNOWN:
                released.point(before)
            raise
    for name in released.prune(keep):
        say(f"removed artifact {name}")
    return number


def _reload(address: str, artifact: Path, say: Say) -> None:
    with RouterClient(address, _RELOAD_SECONDS) as client:
        answer = client.reload(admin_pb2.ReloadRequest(artifact=str(artifact)))
    did = "serves" if answer.changed else "served already"
    say(f"{address} {did} artifact {answer.in_force.artifact_version}")


def watch(act: Callable[[], str], now: Callable[[], Aliased], seconds: float, say: Say) -> None:
    """Deploy whenever the alias points elsewhere, for ever; what fails is said and tried again.

    Args:
        act: Deploys and returns the registry number.
        now: What the alias points to.
        seconds: Between two looks.
        say: Told of failures.
    """
    done = ""
    while True:
        try:
            if now().number != done:
                done = act()
        except RouterError as error:
            say(f"error: {error.message}")
        time.sleep(seconds)


def main(argv: Sequence[str] | None = None) -> int:
    """Deploy once or for ever; return the exit status: 0 done, 1 refused or failed."""
    arguments = _parser().parse_args(argv)
    try:
        released = Released(arguments.to)
        registry = Registry(arguments.tracking_uri, arguments.model, arguments.alias)

        def act() -> str:
            return deploy(registry, released, arguments.address, arguments.keep, _say)

        if arguments.watch:
            watch(act, registry.aliased, arguments.watch, _say)
        act()
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.deploy", description=__doc__)
    parser.add_argument("--model", default=MODEL_NAME, metavar="NAME", help="registered model")
    parser.add_argument("--alias", default=CHAMPION, help="alias of a version (champion)")
    parser.add_argument(
        "--to", type=Path, required=True, metavar="DIR",
        help="directory of versions; start the server with --artifact DIR/current",
    )  # fmt: skip
    parser.add_argument("--address", metavar="HOST:PORT", help="server to reload (none)")
    parser.add_argument("--keep", type=_count, default=3, help="versions kept on disk (3)")
    parser.add_argument(
        "--watch", type=_seconds, metavar="SECONDS", help="look at the alias again and again"
    )
    parser.add_argument("--tracking-uri", default=Settings().tracking_uri, help="MLflow store")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} given, must be at least 1")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.0 < value <= 86_400.0:
        raise argparse.ArgumentTypeError(f"{text} given, must be above 0 and at most a day")
    return value


if __name__ == "__main__":
    sys.exit(main())
