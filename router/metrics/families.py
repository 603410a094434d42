"""Every metric there is: its name, kind, labels and meaning. Whoever counts takes it from here.

Names follow Prometheus' conventions: base units, ``_total`` for what only grows, ``_info`` for what
is told in labels. No label ever holds text of a request.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
Merge = Literal["sum", "max", "min"]

SECONDS = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Attributes:
        name: As Prometheus sees it.
        kind: Of Prometheus.
        labels: Names of its labels.
        about: What it tells, one sentence.
        bounds: Upper bounds of a histogram's buckets, without infinity; else empty.
        merge: How the values of several workers become one.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    about: str
    bounds: tuple[float, ...] = ()
    merge: Merge = "sum"


CALLS = Family("router_calls_total", "counter", ("method", "code"), "Calls, by how they ended.")
CALL_SECONDS = Family(
    "router_call_seconds",
    "histogram",
    ("method",),
    "From the start of the handler to the finished answer, calls that failed included.",
    SECONDS,
)
IN_FLIGHT = Family("router_calls_in_flight", "gauge", (), "Calls being served.")
WAITING = Family(
    "router_calls_waiting",
    "gauge",
    (),
    "Calls that gRPC has received and nobody has looked at yet, ten times a second.",
)
STAGE_SECONDS = Family(
    "router_stage_seconds",
    "histogram",
    ("stage",),
    "Time of one stage of a Route call; one call in 16 is timed.",
    SECONDS,
)
QUEUE_SECONDS = Family(
    "router_queue_seconds",
    "histogram",
    ("queue",),
    "Wait for a turn: for a thread, or of an outcome for the disk.",
    SECONDS,
)
LOOP_LAG_SECONDS = Family(
    "router_loop_lag_seconds",
    "histogram",
    (),
    "How much later than asked the event loop came round, measured ten times a second.",
    SECONDS,
)
ERRORS = Family(
    "router_errors_total", "counter", ("code", "reason"), "Calls answered with an error, by reason."
)
SHEDS = Family(
    "router_sheds_total", "counter", ("cause",), "Calls turned away because of load, by cause."
)
DECISIONS = Family(
    "router_decisions_total", "counter", ("tier", "reason", "artifact"), "Decisions answered."
)
INELIGIBLE = Family(
    "router_ineligible_candidates_total",
    "counter",
    ("reason",),
    "Candidates that fell out before the choice; one candidate may have several reasons.",
)
NOVELTY = Family(
    "router_novelty",
    "histogram",
    (),
    "Novelty of the prompts decided, in [0, 1], for artifacts that measure it.",
    SHARES,
)
EXPECTED_COST = Family(
    "router_expected_cost_usd_total",
    "counter",
    ("tier",),
    "Expected cost of the chosen candidates in USD: estimates, no bookings.",
)
SAVING = Family(
    "router_expected_saving_usd_total",
    "counter",
    (),
    "Expected saving against the dearest eligible tier in USD.",
)
OUTCOMES = Family(
    "router_outcomes_recorded_total", "counter", ("duplicate",), "Outcomes acknowledged as durable."
)
AUDITS = Family(
    "router_audits_total",
    "counter",
    ("event",),
    "Audits asked for, missed because they could not be written, reported, and reported as lost.",
)
SUSPENDED = Family(
    "router_contracts_suspended", "gauge", (), "Contracts that audits found broken.", merge="max"
)
STORE_UP = Family(
    "router_store_up", "gauge", (), "1 if the store took what was last given, else 0.", merge="min"
)
STORE_ERRORS = Family(
    "router_store_errors_total", "counter", (), "Attempts to use the store that failed."
)
STORE_LOST = Family(
    "router_store_lost_total", "counter", (), "Times the store in use was moved away or deleted."
)
LOG_DROPPED = Family(
    "router_decision_log_dropped_total", "counter", (), "Decisions that did not reach the log."
)
REPORTS_DROPPED = Family(
    "router_token_reports_dropped_total",
    "counter",
    (),
    "Reports of input tokens that nothing was learnt from: no room, or the store failed.",
)
READY = Family(
    "router_ready", "gauge", (), "Workers that take calls: 0 while starting or draining."
)
BUILD = Family(
    "router_build_info",
    "gauge",
    ("version", "python", "grpc", "kernel"),
    'Always 1; kernel is "compiled" or "numpy".',
    merge="max",
)
ARTIFACT = Family("router_artifact_info", "gauge", ("version",), "1 for what serves.", merge="max")
CATALOG = Family("router_catalog_info", "gauge", ("version",), "1 for what serves.", merge="max")
CHANGES = Family(
    "router_changes_total",
    "counter",
    ("action", "outcome"),
    "Attempts to change what is in force: reload, rollback, set_canary, set_shadow.",
)
RELOAD_OK = Family(
    "router_reload_ok", "gauge", (), "0 if the latest reload was refused, else 1.", merge="min"
)
CANARY_DECISIONS = Family(
    "router_canary_decisions_total",
    "counter",
    ("arm", "tier"),
    "Decisions of both arms while there is a canary.",
)
CANARY_COST = Family(
    "router_canary_expected_cost_usd_total",
    "counter",
    ("arm",),
    "Expected cost of these decisions in USD, as each arm's artifact predicts.",
)
SHADOW_COMPARED = Family(
    "router_shadow_compared_total",
    "counter",
    ("tier", "shadow_tier"),
    "Requests the shadow decided again, by what both chose.",
)
SHADOW_LEFT_OUT = Family(
    "router_shadow_left_out_total",
    "counter",
    ("reason",),
    "Requests drawn for the shadow and not compared: no room, or it could not decide.",
)
SHADOW_COST = Family(
    "router_shadow_cost_difference_usd",
    "gauge",
    (),
    "Sum of expected costs, the shadow's choices less those in force, as the latter predicts.",
)
SHADOW_ADEQUACY = Family(
    "router_shadow_adequacy_difference",
    "gauge",
    (),
    "Sum of adequacies, the shadow's choices less those in force, as the latter predicts.",
)
POOL_SATURATION = Family(
    "router_pool_saturation",
    "gauge",
    ("pool",),
    "How full a pool is, as routing takes it: 0 empty, 1 full, above 1 its queue grows.",
    merge="max",
)
POOL_DEMAND = Family(
    "router_pool_demand_replicas",
    "gauge",
    ("pool",),
    "Replicas that the requests in a pool would fill at its stated concurrency, when last read.",
    merge="max",
)
SPILLS = Family(
    "router_pool_spills_total",
    "counter",
    ("pool",),
    "Decisions for a deployment paid by use though one on the pool was as adequate.",
)
SPILLED_WORK = Family(
    "router_pool_spilled_work_seconds_total",
    "counter",
    ("pool",),
    "Seconds one whole replica of the pool would have taken for these.",
)
CPU_SECONDS = Family(
    "process_cpu_seconds_total", "counter", (), "User and system time of all workers."
)
RESIDENT = Family("process_resident_memory_bytes", "gauge", (), "Of all workers together.")
OPEN_FILES = Family("process_open_fds", "gauge", (), "Open file descriptors of all workers.")
START_TIME = Family(
    "process_start_time_seconds", "gauge", (), "Unix time, of the oldest worker.", merge="min"
)
WORKERS_WANTED = Family("router_workers", "gauge", (), "Workers the control process keeps up.")
WORKER_UP = Family("router_worker_up", "gauge", ("worker",), "1 if a worker is ready, else 0.")
WORKER_RESTARTS = Family(
    "router_worker_restarts_total", "counter", ("worker",), "Times a worker had to be replaced."
)

FAMILIES = (
    CALLS, CALL_SECONDS, IN_FLIGHT, WAITING, STAGE_SECONDS, QUEUE_SECONDS, LOOP_LAG_SECONDS,
    ERRORS, SHEDS, DECISIONS, INELIGIBLE, NOVELTY, EXPECTED_COST, SAVING, OUTCOMES, AUDITS,
    SUSPENDED, STORE_UP, STORE_ERRORS, STORE_LOST, LOG_DROPPED, REPORTS_DROPPED, READY, BUILD,
    ARTIFACT, CATALOG, CHANGES, RELOAD_OK, CANARY_DECISIONS, CANARY_COST, SHADOW_COMPARED,
    SHADOW_LEFT_OUT, SHADOW_COST, SHADOW_ADEQUACY, POOL_SATURATION, POOL_DEMAND, SPILLS,
    SPILLED_WORK, CPU_SECONDS, RESIDENT, OPEN_FILES, START_TIME, WORKERS_WANTED, WORKER_UP,
    WORKER_RESTARTS,
)  # fmt: skip
"""In the order in which they are told."""
BY_NAME = {family.name: family for family in FAMILIES}
