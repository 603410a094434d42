"""Variables of OpenTelemetry that metrics cannot be sent by."""

from bad_settings import bad_config

from router.metrics.otlp_environment import interval_seconds, refuse_deltas

INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
OTLP = [
    bad_config(
        "an interval of metrics that is no number",
        lambda _: interval_seconds({INTERVAL: "1m"}),
        f"{INTERVAL} = '1m': must be a finite number of milliseconds above 0, such as 60000",
    ),
    bad_config(
        "no interval of metrics",
        lambda _: interval_seconds({INTERVAL: "0"}),
        f"{INTERVAL} = '0': must be a finite number of milliseconds above 0, such as 60000",
    ),
    bad_config(
        "metrics as differences",
        lambda _: refuse_deltas({TEMPORALITY: "delta"}),
        f"{TEMPORALITY} = 'delta': metrics are sent as sums since the start: say 'cumulative', or "
        "nothing, and let the collector make differences of them, such as by its processor "
        "cumulativetodelta",
    ),
]
