"""Configuration of the server: every setting with its default.

Reading a TOML file, ROUTER_* environment variables and flags is ``config_sources``. The catalog
(what may be routed to) is another file: ``router.catalog``.
"""

from dataclasses import dataclass, field
from pathlib import Path

from router.defaults import default_artifact_directory, default_catalog_path


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of ``python -m router serve``.

    Attributes:
        address: host:port to listen on; port 0 takes a free one. Loopback by default.
        artifact: Artifact directory.
        catalog: Catalog file.
        store: SQLite file that keeps recorded outcomes; created when absent.
        reflection: Whether gRPC server reflection is on.
        threads: Worker threads, 1 to 256.
        max_concurrent_calls: Calls in flight above which RESOURCE_EXHAUSTED is answered.
        max_waiting_calls: Calls waiting to be taken up, and calls waiting for a thread, above
            which further ones are turned away.
        max_waiting_outcomes: Outcomes waiting for the disk above which RESOURCE_EXHAUSTED is
            answered.
        max_message_bytes: Largest request accepted.
        max_batch: Most requests in one RouteBatch.
        max_messages: Most messages in one request.
        workers: Processes that share the address, 1 to 64; with more than one, a control process
            keeps them up.
        metrics_address: host:port of the HTTP endpoint for Prometheus; empty for none.
        traces: Whether spans go to OpenTelemetry; needs the extra "otel".
        otlp_metrics: Whether metrics are sent to OpenTelemetry; needs the extra "otel".
        drain_delay_seconds: How long calls are still taken after health has turned NOT_SERVING,
            so that balancers can look away first.
        grace_seconds: Time calls in flight get when the server is asked to stop.
        audit_share: Probability with which a request under a contract is drawn for an audit, in
            [0, 1]; 0 watches nothing.
        exploration_share: Probability with which a tier is drawn at random among those the goal
            allows, in [0, 1].
        decision_log: JSON lines of every decision; None keeps none.
        admin: Whether AdminService is served, which takes a loopback address or api_keys.
        watch_seconds: Time between two looks at artifact, catalog and price files for new
            ones; 0 never looks.
        choice: JSON file that keeps what is in force over restarts, and tells other processes that
            have the same one; None keeps nothing.
        canary: Artifact that answers a share of sessions; None has none.
        canary_share: Share of sessions, in [0, 1].
        shadow: Artifact that decides a share of requests without effect; None has none.
        shadow_share: Probability for a request, in [0, 1].
        log_level: "debug", "info", "warning" or "error".
        log_format: "text", or "json" for one object a line.
        tls_certificate: PEM file of the server's certificate chain; None serves without TLS.
        tls_key: PEM file of its private key, readable by nobody else.
        tls_client_ca: PEM file of authorities; a client must then show a certificate of one.
        api_keys: TOML file of the keys callers must show; None asks for none.
        caller_requests_per_second: Requests each key may send a second on average; None limits
            none. A key's own entry in the file of keys comes before these three.
        caller_burst: Requests a key may send at once when it has been silent.
        caller_max_in_flight: Calls of one key in flight; None limits none.
        insecure: Whether an address that others can reach may be served without TLS and keys.
        health_address: host:port that answers health only, without TLS and keys, for probes that
            know neither; empty for none.
        artifact_public_key: PEM file of the Ed25519 key that must have signed the artifact.
    """

    address: str = "127.0.0.1:50051"
    artifact: Path = field(default_factory=default_artifact_directory)
    catalog: Path = field(default_factory=default_catalog_path)
    store: Path = Path("router-outcomes.sqlite3")
    reflection: bool = False
    threads: int = 4
    max_concurrent_calls: int = 1024
    max_waiting_calls: int = 256
    max_waiting_outcomes: int = 4096
    max_message_bytes: int = 16 * 1024 * 1024
    max_batch: int = 1024
    max_messages: int = 4096
    workers: int = 1
    metrics_address: str = ""
    traces: bool = False
    otlp_metrics: bool = False
    drain_delay_seconds: float = 0.0
    grace_seconds: float = 5.0
    audit_share: float = 0.0
    exploration_share: float = 0.0
    decision_log: Path | None = None
    admin: bool = False
    watch_seconds: float = 0.0
    choice: Path | None = None
    canary: Path | None = None
    canary_share: float = 0.0
    shadow: Path | None = None
    shadow_share: float = 0.0
    log_level: str = "info"
    log_format: str = "text"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    api_keys: Path | None = None
    caller_requests_per_second: float | None = None
    caller_burst: int = 100
    caller_max_in_flight: int | None = None
    insecure: bool = False
    health_address: str = ""
    artifact_public_key: Path | None = None
