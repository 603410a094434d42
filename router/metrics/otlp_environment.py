"""Variables of OpenTelemetry that sending metrics follows or refuses; the exporter reads others."""

import math
import threading
from collections.abc import Mapping

from router.errors import ConfigError

_INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
_TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
_DEFAULT_INTERVAL_MS = "60000"


def is_disabled(environment: Mapping[str, str]) -> bool:
    """Return whether OpenTelemetry is turned off as a whole."""
    return environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def interval_seconds(environment: Mapping[str, str]) -> float:
    """Return the time between two exports, in seconds, above 0; 60 unless told otherwise.

    Raises:
        ConfigError: the variable is no time.
    """
    given = environment.get(_INTERVAL) or _DEFAULT_INTERVAL_MS
    try:
        seconds = float(given) / 1000
    except ValueError:
        seconds = math.nan
    if not 0.0 < seconds <= threading.TIMEOUT_MAX:
        raise ConfigError(
            f"{_INTERVAL} = {given!r}: must be a finite number of milliseconds above 0, such as "
            "60000",
            metadata={"variable": _INTERVAL, "given": given},
        )
    return seconds


def refuse_deltas(environment: Mapping[str, str]) -> None:
    """Refuse any other wish than sums since the start, which are what is kept.

    Raises:
        ConfigError: the variable asks for differences.
    """
    given = environment.get(_TEMPORALITY, "")
    if given.strip().lower() not in {"", "cumulative"}:
        raise ConfigError(
            f"{_TEMPORALITY} = {given!r}: metrics are sent as sums since the start: say "
            "'cumulative', or nothing, and let the collector make differences of them, such as "
            "by its processor cumulativetodelta",
            metadata={"variable": _TEMPORALITY, "given": given},
        )
