"""The ways a process tells its metrics: the page for Prometheus, and OTLP."""

from collections.abc import Callable

from router.config import Config
from router.metrics.endpoint import MetricsEndpoint
from router.metrics.otlp_push import OtlpPush
from router.metrics.registry import Snapshot
from router.metrics.text import to_text


class Outlets:
    """Those that the settings ask for; all tell the same snapshots.

    Args:
        config: ``metrics_address`` and ``otlp_metrics``.
        snapshot: Gives all metrics; may wait.
        is_ready: Tells whether calls are taken.

    Attributes:
        port: Port of the page; None without one.

    Raises:
        ConfigError: the address cannot be bound, or see ``OtlpPush``.
        MissingExtraError: see ``OtlpPush``.
    """

    def __init__(
        self, config: Config, snapshot: Callable[[], Snapshot], is_ready: Callable[[], bool]
    ) -> None:
        self._push = OtlpPush(snapshot) if config.otlp_metrics else None
        self._endpoint = (
            MetricsEndpoint(config.metrics_address, lambda: to_text(snapshot()), is_ready)
            if config.metrics_address
            else None
        )
        self.port = None if self._endpoint is None else self._endpoint.port

    def begin(self) -> None:
        """Push from now on; the page is there already."""
        if self._push is not None:
            self._push.begin()

    def close(self) -> None:
        """Tell a last time what is pushed, and end."""
        if self._push is not None:
            self._push.close()
        if self._endpoint is not None:
            self._endpoint.close()
