"""What an evaluation found, as frozen records: the schema of ``results.json``.

Here are only the records and the version of the schema (docs/results-schema.md says what each
field means). Computing them is ``eval.evaluate``, reading and writing ``eval.results_file``,
drawing ``eval.plots``, printing ``eval.tables`` and ``eval.report``.
"""

from dataclasses import dataclass

from eval.bootstrap import Interval
from eval.calibration import Calibration

SCHEMA_VERSION = 2
LEVELS: tuple[float, ...] = (0.99, 0.97, 0.95, 0.90)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the figures come from, so that they can be made again."""

    command: str
    seed: int
    draws: int
    artifact_version: str
    catalog_name: str
    catalog_version: str
    data_sha256: str
    data_matches_artifact: bool
    split_seed: int
    split_fractions: tuple[float, ...]
    prompts_held_out: int
    groups_held_out: int
    prompts_known: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TierResult:
    """One tier used for everything: its model and what it cost and scored, held out."""

    name: str
    reference_model: str
    cost_usd_per_1k: float
    quality: float


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One setting of a router: mean cost in USD per 1,000 prompts, mean quality in [0, 1]."""

    setting: str
    cost_usd_per_1k: float
    quality: float


@dataclass(frozen=True, slots=True)
class BandPoint:
    """Interval of the best quality at a cost, along the hull."""

    cost_usd_per_1k: float
    quality_low: float
    quality_high: float


@dataclass(frozen=True, slots=True)
class CostShare:
    """Share of always-large's cost that keeps ``level`` of always-large's quality.

    ``reached`` is the share of resamples in which the router reached that quality at all; where it
    did not, the share of cost counts as 1.
    """

    level: float
    share: Interval
    reached: float


@dataclass(frozen=True, slots=True)
class RouterResult:
    """One row of the frontier table."""

    name: str
    title: str
    kind: str
    points: tuple[CurvePoint, ...]
    hull: tuple[CurvePoint, ...]
    band: tuple[BandPoint, ...]
    cost_shares: tuple[CostShare, ...]
    aiq: Interval
    aiq_routerbench_code: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Router minus baseline, paired by prompt; ``figure`` is ``cost_share@0.99`` or ``aiq``.

    ``p_value`` is of the two-sided paired bootstrap test of no difference. ``smallest_shown`` is
    the true difference that as many prompts as these tell from zero four times out of five.
    """

    router: str
    baseline: str
    figure: str
    difference: Interval
    p_value: float
    smallest_shown: float


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """What routers that know nothing score on these prompts, by luck alone.

    ``random_router`` holds the mean and the central 95 % of many random routers; a figure inside it
    shows nothing.
    """

    figure: str
    random_router: Interval


@dataclass(frozen=True, slots=True)
class TierShare:
    """Share of prompts that went to a tier."""

    tier: str
    share: float


@dataclass(frozen=True, slots=True)
class DefaultGoal:
    """What the catalog's default goal costs and keeps, without any mixing."""

    goal: str
    cost_usd_per_1k: Interval
    quality: Interval
    cost_share: Interval
    quality_share: Interval
    tier_shares: tuple[TierShare, ...]


@dataclass(frozen=True, slots=True)
class TierCalibration:
    """Calibration of a tier's adequacy; ``task`` is empty for all tasks together.

    ``ece`` is the equal-mass error with its interval, ``ece_if_calibrated`` what a predictor
    without any fault would show on as many prompts, ``brier_gain`` the Brier score of always saying
    the slice's own base rate minus ours: above 0 is better.
    """

    tier: str
    task: str
    calibration: Calibration
    ece: Interval
    ece_if_calibrated: Interval
    brier_gain: Interval


@dataclass(frozen=True, slots=True)
class PairMetrics:
    """RouteLLM's metrics for the highest against the lowest tier, by predicted gain."""

    weak_tier: str
    strong_tier: str
    apgr: Interval
    cpt50: Interval
    cpt80: Interval
    apgr_eleven_points: float


@dataclass(frozen=True, slots=True)
class TaskAuroc:
    """Inside one task: the share of prompts where the event happened, and the AUROC."""

    task: str
    happened: float
    auroc: Interval


@dataclass(frozen=True, slots=True)
class TaskKnowledge:
    """How much of the router's skill at foreseeing an event is knowing the task.

    The event is ``gain`` (highest tier adequate and lowest not) or ``adequate:<tier>``. AUROC of
    its prediction: over all pairs of prompts (``pooled``), over pairs within one task
    (``within_task``; 0.5 means nothing is known beyond the task), pooled for a router told only the
    task's name (``task_mean_pooled``), and inside each task by itself (``tasks``).
    """

    event: str
    pooled: Interval
    within_task: Interval
    task_mean_pooled: Interval
    tasks: tuple[TaskAuroc, ...]


@dataclass(frozen=True, slots=True)
class TaskRouter:
    """One router on one task."""

    router: str
    hull: tuple[CurvePoint, ...]
    cost_shares: tuple[CostShare, ...]


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One task: how big, how good the tiers are there, and the routers' frontier."""

    task: str
    prompts: int
    tiers: tuple[TierResult, ...]
    routers: tuple[TaskRouter, ...]


@dataclass(frozen=True, slots=True)
class RouteLLMRow:
    """A figure of RouteLLM's evaluation: what was published or measured there, and ours."""

    benchmark: str
    figure: str
    published: float
    source: str
    ours: float
    tolerance: float


@dataclass(frozen=True, slots=True)
class Results:
    """A whole evaluation. Costs are USD per 1,000 prompts, qualities and shares in [0, 1]."""

    schema_version: int
    provenance: Provenance
    tiers: tuple[TierResult, ...]
    routers: tuple[RouterResult, ...]
    differences: tuple[Difference, ...]
    default_goal: DefaultGoal
    pair: PairMetrics
    noise: tuple[NoiseFloor, ...]
    task_knowledge: tuple[TaskKnowledge, ...]
    calibration: tuple[TierCalibration, ...]
    tasks: tuple[TaskResult, ...]
    routellm: tuple[RouteLLMRow, ...]
