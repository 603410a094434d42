"""A learned LLM request router: which tier of models should answer this prompt, and why.

The gRPC contract is ``protos/router/v1/router.proto``. In a Python process of your own, use
``load_engine`` and ``Engine.route``; importing this package loads neither gRPC nor a model.
"""

from importlib.metadata import PackageNotFoundError, version

from router.errors import RouterError

try:
    __version__ = version("llm-tier-router")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0.0.0"

__all__ = ["RouterError", "__version__"]
