"""A learned LLM request router: which tier of models should answer this prompt, and why.

The gRPC contract is ``protos/router/v1/router.proto``. In a Python process of your own, use
``load_engine`` and ``Engine.route``; importing this package loads neither gRPC nor a model.
"""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from router.errors import RouterError

if TYPE_CHECKING:
    from router.engine import Engine

# From 1.29 on, onnxruntime's wheels send usage data to their maker and keep a device id in the home
# directory, unless they are told not to before they are loaded. A router speaks to nobody.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

try:
    __version__ = version("llm-tier-router")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0.0.0"

__all__ = ["RouterError", "__version__", "load_engine"]


def load_engine(artifact: Path | None = None, catalog: Path | None = None) -> "Engine":
    """Return an engine for use in this process, without a server.

    Args:
        artifact: Artifact directory; by default the one that ships.
        catalog: Catalog file; by default the one that ships.

    Raises:
        ArtifactError, CatalogError: a file is refused, or the two do not fit each other.
    """
    from router.catalog import load_catalog
    from router.defaults import default_artifact_directory, default_catalog_path
    from router.engine import build_engine
    from router.predict.artifact import load_artifact

    return build_engine(
        load_artifact(artifact or default_artifact_directory()),
        load_catalog(catalog or default_catalog_path()),
    )
