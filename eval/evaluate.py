"""One evaluation from an engine and outcomes to ``Results``: the straight line of ``make eval``.

Everything it calls lives elsewhere; here is the order of things, the split, and the list of
routers that are compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.bootstrap import DRAWS, resample_weights
from eval.breakdown import default_goal, pair_metrics, task_results
from eval.figures import (
    PER_1K,
    Figures,
    figures,
    paired_differences,
    resamples,
    router_result,
)
from eval.judged import Contender, Judged, judge
from eval.knowledge import events, task_knowledge
from eval.metrics import aiq_routerbench_code
from eval.noise import noise_floors
from eval.outcomes import OutcomeTable
from eval.recorded import Recorded
from eval.results import (
    SCHEMA_VERSION,
    Provenance,
    Results,
    RouteLLMRow,
    TierResult,
)
from eval.slices import tier_calibrations
from eval.split import METHOD, assign_split
from router.catalog import Catalog
from router.engine import Engine
from router.errors import DataError

Progress = Callable[[str], None]
COMPARED_KINDS = ("baseline", "peer")


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The two sides of the split, rows with outcomes of every tier only.

    Attributes:
        test: The held-out rows.
        known: All other rows, which baselines may learn from.
        fractions: Shares of train, validation and test.
    """

    test: OutcomeTable
    known: OutcomeTable
    fractions: tuple[float, ...]


def split_held_out(engine: Engine, table: OutcomeTable) -> HeldOut:
    """Cut a table as the artifact's training did.

    Raises:
        DataError: The artifact was split by another method, or a side is empty.
    """
    manifest = engine.artifact.manifest
    stated = manifest.extra["split"]
    if stated.get("method", METHOD) != METHOD:
        raise DataError(
            f"the artifact's split method {stated['method']!r} is unknown; this release knows "
            f"{METHOD!r}: train again"
        )
    low, middle, high = (float(part) for part in stated.get("fractions", (0.6, 0.2, 0.2)))
    fractions = (low, middle, high)
    models = [tier.reference_model for tier in engine.catalog.tiers]
    usable = table.for_models(models)
    is_test = assign_split(usable.group, manifest.split_seed, fractions) == "test"
    if not is_test.any() or is_test.all():
        raise DataError(
            f"{len(usable)} prompts have outcomes of {', '.join(models)}, {int(is_test.sum())} of "
            "them held out: an evaluation needs prompts on both sides; give more data"
        )
    return HeldOut(usable.select(is_test), usable.select(~is_test), fractions)


def evaluate(
    engine: Engine,
    table: OutcomeTable,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    command: str = "",
    routellm: tuple[RouteLLMRow, ...] = (),
    contenders: Sequence[Contender] = (),
    progress: Progress = lambda line: None,
) -> Results:
    """Evaluate an artifact on the held-out part of outcomes, beside every baseline.

    Args:
        engine: Artifact and catalog.
        table: All outcomes; the held-out part is found by the artifact's own split.
        seed: Of the bootstrap.
        draws: Number of bootstrap resamples.
        command: What was typed, for the record.
        routellm: Rows of RouteLLM's reproduction to carry along.
        contenders: Further routers that decide the same prompts.
        progress: Told in a line what comes next.

    Raises:
        DataError: The data do not fit the catalog or the artifact.
    """
    split = split_held_out(engine, table)
    progress(f"routing {len(split.test)} held-out prompts through the engine, and baselines")
    judged = judge(engine, split.test, split.known, contenders)
    provenance = _provenance(engine, table, split, seed=seed, draws=draws, command=command)
    return count(judged, engine.catalog, provenance, routellm=routellm, progress=progress)


def count(
    judged: Judged,
    catalog: Catalog,
    provenance: Provenance,
    *,
    routellm: tuple[RouteLLMRow, ...] = (),
    progress: Progress = lambda line: None,
) -> Results:
    """Turn decisions into results with intervals; resampling as ``provenance`` says."""
    recorded, routed = judged.recorded, judged.routed
    weights = resample_weights(judged.test.group, provenance.draws, provenance.seed)
    draws_of = resamples(recorded, weights)
    found: dict[str, Figures] = {}
    for sweep in judged.sweeps:
        progress(f"resampling {sweep.title}")
        found[sweep.name] = figures(sweep, draws_of)
    by_code = aiq_routerbench_code([(f.cost_usd[0], f.quality[0]) for f in found.values()])
    ours = found[routed.trade_off.name]
    progress("looking at each task")
    foreseen = events(recorded, catalog.adequate_quality, routed.adequacy, judged.told_by_task)
    return Results(
        schema_version=SCHEMA_VERSION,
        provenance=provenance,
        tiers=tier_results(catalog, recorded),
        routers=tuple(
            router_result(one, draws_of.reference[0], aiq_routerbench_code=code)
            for one, code in zip(found.values(), by_code, strict=True)
        ),
        differences=tuple(
            difference
            for baseline in found.values()
            if baseline.sweep.kind in COMPARED_KINDS
            for difference in paired_differences(ours, baseline)
        ),
        default_goal=default_goal(routed, recorded, draws_of),
        pair=pair_metrics(routed.adequacy, recorded, draws_of),
        noise=noise_floors(
            recorded, routed.adequacy, judged.test.task, foreseen, seed=provenance.seed
        ),
        task_knowledge=tuple(
            task_knowledge(event, judged.test.task, draws_of) for event in foreseen
        ),
        calibration=tier_calibrations(
            recorded,
            catalog.adequate_quality,
            routed.adequacy,
            judged.test.task,
            draws_of,
            provenance.seed,
        ),
        tasks=task_results(catalog, judged.test, recorded, judged.sweeps, draws_of),
        routellm=routellm,
    )


def tier_results(catalog: Catalog, recorded: Recorded) -> tuple[TierResult, ...]:
    """Describe every tier used for everything."""
    return tuple(
        TierResult(
            tier.name,
            tier.reference_model,
            float(recorded.cost_usd[:, i].mean() * PER_1K),
            float(recorded.quality[:, i].mean()),
        )
        for i, tier in enumerate(catalog.tiers)
    )


def _provenance(
    engine: Engine, table: OutcomeTable, split: HeldOut, *, seed: int, draws: int, command: str
) -> Provenance:
    manifest = engine.artifact.manifest
    data_sha256 = table.content_hash()
    notes = []
    if data_sha256 != manifest.data_sha256:
        notes.append(
            f"These data ({data_sha256[:12]}) are not those the artifact was trained on "
            f"({manifest.data_sha256[:12]}). Held-out rows are those whose duplicate group falls "
            "in the artifact's held-out part, so none of them was trained on as long as groups "
            "keep their names."
        )
    learnt = {tier.name: tier.reference_model for tier in manifest.tiers}
    notes.extend(
        f"Tier {tier.name} is judged by {tier.reference_model}, but the artifact learnt it from "
        f"{learnt[tier.name]}."
        for tier in engine.catalog.tiers
        if learnt[tier.name] != tier.reference_model
    )
    return Provenance(
        command=command,
        seed=seed,
        draws=draws,
        artifact_version=engine.artifact.version,
        catalog_name=engine.catalog.name,
        catalog_version=engine.catalog.version,
        data_sha256=data_sha256,
        data_matches_artifact=data_sha256 == manifest.data_sha256,
        split_seed=manifest.split_seed,
        split_fractions=split.fractions,
        prompts_held_out=len(split.test),
        groups_held_out=int(np.unique(split.test.group).size),
        prompts_known=len(split.known),
        notes=tuple(notes),
    )
