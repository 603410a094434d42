"""Fixtures shared by all tests: a real tiny artifact, and a real server with a client on it."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from hypothesis import HealthCheck, settings

# The same examples on every machine, so that a red run is about the change before it;
# `pytest --hypothesis-profile default` draws new ones. How long one takes tells only how busy the
# machine is.
settings.register_profile(
    "fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fixed")

# Nothing that is imported while tests are collected is ever let go, so the collector of garbage
# need not go through it: not while there is more and more of it, nor in each test afterwards.
gc.disable()

ROOT = Path(__file__).resolve().parent.parent
# Tests are no package, so their helpers are imported by plain name.
sys.path.insert(0, str(ROOT / "tests" / "router"))

from tiny_artifact import write_artifact  # noqa: E402

from router.catalog import load_catalog  # noqa: E402
from router.config import Config  # noqa: E402
from router.engine import Engine, build_engine  # noqa: E402
from router.predict.artifact import Artifact, load_artifact  # noqa: E402
from router.server.app import RouterServer  # noqa: E402
from router.v1 import router_pb2_grpc  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-docs``, which rewrites documents that are generated from test tables."""
    parser.addoption("--update-docs", action="store_true", help="rewrite docs/errors.md")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes longest, so that no process is left alone with it at the end."""
    slow = {ROOT / "tests" / "training", ROOT / "tests" / "bench"}
    items.sort(key=lambda item: item.path.parent not in slow)


def pytest_collection_finish() -> None:
    """Collect garbage again, of what comes to be from here on."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def tiny_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a verified artifact: a small encoder, heads of known weights."""
    return write_artifact(tmp_path_factory.mktemp("tiny") / "artifact")


@pytest.fixture(scope="session")
def other_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an artifact of the same encoder and tiers that finds everything harder."""
    return write_artifact(tmp_path_factory.mktemp("other") / "artifact", bias=1.0)


@pytest.fixture(scope="session")
def artifact(tiny_artifact: Path) -> Artifact:
    """Return the tiny artifact, loaded."""
    return load_artifact(tiny_artifact)


@pytest.fixture(scope="session")
def catalog_file() -> Path:
    """Return a catalog of three tiers that the tiny artifact fits."""
    return ROOT / "tests" / "router" / "catalog.toml"


@pytest.fixture(scope="session")
def engine(artifact: Artifact, catalog_file: Path) -> Engine:
    """Return the tiny artifact joined to the default catalog."""
    return build_engine(artifact, load_catalog(catalog_file))


@pytest.fixture(scope="session")
def server_config(
    tiny_artifact: Path, catalog_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Config:
    """Return settings for a server on a free port, with a store of its own."""
    return Config(
        address="127.0.0.1:0",
        artifact=tiny_artifact,
        catalog=catalog_file,
        store=tmp_path_factory.mktemp("store") / "outcomes.sqlite3",
        threads=2,
    )


@pytest.fixture(scope="session")
def server(server_config: Config) -> Iterator[RouterServer]:
    """Return a running server that tests share; start another one to stop or configure it."""
    with RouterServer(server_config) as running:
        yield running


@pytest.fixture(scope="session")
def channel(server: RouterServer) -> Iterator[grpc.Channel]:
    """Return a channel to the shared server."""
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as open_channel:
        yield open_channel


@pytest.fixture(scope="session")
def stub(channel: grpc.Channel) -> router_pb2_grpc.RouterServiceStub:
    """Return a client of the shared server."""
    return router_pb2_grpc.RouterServiceStub(channel)
