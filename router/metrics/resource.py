"""Who tells spans and metrics to OpenTelemetry: one resource for all of a process."""

import uuid
from functools import cache
from typing import Any

from router import __version__


@cache
def resource() -> Any:
    """Return OpenTelemetry's resource of this process; what its variables say comes first.

    Raises:
        ImportError: the extra "otel" is not installed.
    """
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    ours = {
        "service.name": "llm-tier-router",
        "service.version": __version__,
        "service.instance.id": str(uuid.uuid4()),
    }
    return Resource.create(ours).merge(OTELResourceDetector().detect())
