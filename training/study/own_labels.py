"""What a user's own labels give, of one source and few: the shared network against candidates.

A user has no other sources to learn from. Some labels of one bundled source stand for theirs; each
way of training is asked for an artifact as ``make train`` makes it, with the prior and without
recorded pairs, and judged on the other prompts of that source. Differences are paired by duplicate
group; intervals do not hold the draw of the labels, which is repeated instead.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray, StrArray
from eval.baselines import WILLINGNESS_TO_PAY_USD, trade_off_choices
from eval.bootstrap import resample_weights
from eval.cells import signed, with_interval
from eval.figures import Figures, figures, interval, resamples, restrict
from eval.outcomes import OutcomeTable
from eval.recorded import recorded_outcomes, sweep_of_tiers
from eval.split import PARTS, assign_split
from eval.tables import aligned
from router.catalog import Catalog
from router.predict.artifact import load_artifact
from training.build import fit_and_export
from training.candidates import row_losses
from training.crossval import VALIDATION_SHARE
from training.labels import FloatMatrix, rows_with_tiers
from training.settings import SHARED, Settings

SOURCES = ("zeroeval", "bfcl")
LABELS = (300, 900)
REPEATS = 3
DRAWS = 400
WAYS: dict[str, Settings] = {
    SHARED: Settings(otherwise=None),
    "stack mixture, distilled": Settings(otherwise=None, candidate="stack mixture"),
    "stack mixture, its trees": Settings(otherwise=None, candidate="stack mixture", distil=False),
    "logistic": Settings(otherwise=None, candidate="logistic", distil=False),
}
_LEVEL = 2
"""Place of 95 % among the levels of a cost share."""


def own_labels(table: OutcomeTable, catalog: Catalog, seed: int, say: Callable[[str], None]) -> str:
    """Return the table: a line for each source, number of labels and way; the first way leads.

    Args:
        table: Outcomes of ``SOURCES``.
        catalog: Tiers.
        seed: Of the first draw of labels and of the resamples.
        say: Told what is being fitted.

    Raises:
        TrainingError: the data lack outcomes of the tiers.
    """
    tiers = rows_with_tiers(table, catalog).for_models(
        [tier.reference_model for tier in catalog.tiers]
    )
    rows = [["source", "labels", "trained", "log loss", "95%", "AIQ", "log loss - first",
             "AIQ - first"]]  # fmt: skip
    for source in SOURCES:
        ours = tiers.select(tiers.source == source)
        for labels in LABELS:
            drawn = [drawn_parts(ours, labels, seed + number) for number in range(REPEATS)]
            rows += _lines(ours, drawn, catalog, [source, str(labels)], seed, say)
    return aligned(rows)


def drawn_parts(table: OutcomeTable, labels: int, seed: int) -> StrArray:
    """Return each row's part: whole groups are drawn until there are labels enough."""
    groups = np.random.default_rng(seed).permutation(np.unique(table.group))
    sizes = np.array([np.count_nonzero(table.group == one) for one in groups])
    known = groups[: int(np.searchsorted(np.cumsum(sizes), labels)) + 1]
    inner = assign_split(table.group, seed, (1.0 - VALIDATION_SHARE, VALIDATION_SHARE, 0.0))
    return np.where(np.isin(table.group, known), inner, PARTS[2])


def _lines(
    table: OutcomeTable,
    drawn: list[StrArray],
    catalog: Catalog,
    title: list[str],
    seed: int,
    say: Callable[[str], None],
) -> list[list[str]]:
    lines: list[list[str]] = []
    first: tuple[FloatArray, FloatArray] | None = None
    for name, settings in WAYS.items():
        say(f"{' '.join(title)} labels: {name}")
        judged = [_judged(table, parts, catalog, settings, seed) for parts in drawn]
        # Means over the draws of labels, resample by resample.
        loss = np.mean([one[0] for one in judged], axis=0)
        aiq = np.mean([one[1].aiq for one in judged], axis=0)
        share = np.mean([one[1].cost_shares[:, _LEVEL] for one in judged], axis=0)
        line = [*title, name, *(with_interval(interval(one)) for one in (loss, share, aiq))]
        if first is None:
            first = (loss, aiq)
            line += ["", ""]
        else:
            line += [signed(interval(loss - first[0])), signed(interval(aiq - first[1]))]
        lines.append(line)
    return lines


def _judged(
    table: OutcomeTable, parts: StrArray, catalog: Catalog, settings: Settings, seed: int
) -> tuple[FloatArray, Figures]:
    """Return log loss by resample, and the figures of a frontier, on the held-out part."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "artifact"
        fit_and_export(replace(settings, seed=seed), catalog, table, place, lambda _: None, parts)
        heads = load_artifact(place).heads
    held_out = parts == PARTS[2]
    # The same resamples of the whole source for every draw of labels, so that they can be averaged.
    everything = recorded_outcomes(table, catalog)
    everywhere = resamples(everything, resample_weights(table.group, DRAWS, seed))
    draws = restrict(everywhere, everything, held_out)
    test = table.select(held_out)
    recorded = recorded_outcomes(test, catalog)
    adequacy, tokens = (one.astype(np.float64) for one in heads.run(test.vectors, test.features))
    adequate: FloatMatrix = (recorded.quality >= catalog.adequate_quality).astype(np.float64)
    loss = draws.weights @ row_losses(adequacy, adequate)
    choices = trade_off_choices(adequacy, recorded.prices.tier_cost_usd(test.input_tokens, tokens))
    labels = [f"{pay:g}" for pay in WILLINGNESS_TO_PAY_USD]
    sweep = sweep_of_tiers(recorded, choices, labels, name="", title="", kind="artifact")
    return loss, figures(sweep, draws)
