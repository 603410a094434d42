"""What an evaluation found, as frozen records: the schema of ``results.json``.

Here are only the records and the version of the schema (docs/results-schema.md says what each
field means). Computing them is ``eval.evaluate``, reading and writing ``eval.results_file``,
drawing ``eval.plots``, printing ``eval.tables`` and ``eval.report``.
"""

from dataclasses import dataclass

from eval.bootstrap import Interval
from eval.calibration import Calibration

SCHEMA_VERSION = 1
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
    """Router minus baseline, paired by prompt; ``figure`` is ``cost_share@0.99`` or ``aiq``."""

    router: str
    baseline: str
    figure: str
    difference: Interval


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
    """Calibration of a tier's adequacy; ``task`` is empty for all tasks together."""

    tier: str
    task: str
    calibration: Calibration


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
class TaskKnowledge:
    """How much of the router's skill is knowing the task.

    AUROC of a predicted gain for "highest tier adequate and lowest not": over all pairs of prompts
    (``pooled``), over pairs within one task (``within_task``; 0.5 means nothing is known beyond the
    task), and pooled for a router told only the task's name (``task_mean_pooled``).
    """

    pooled: Interval
    within_task: Interval
    task_mean_pooled: Interval


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
    gain_auroc: float


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
    task_knowledge: TaskKnowledge
    calibration: tuple[TierCalibration, ...]
    tasks: tuple[TaskResult, ...]
    routellm: tuple[RouteLLMRow, ...]
