"""The tables of the simulations as Markdown lines; each states its seed and its draws."""

from pathlib import Path

import numpy as np

from eval.arrays import IntArray
from eval.promise.draws import (
    ALWAYS_TOP,
    Truth,
    draw_totals,
    learn_then_test,
    outcome,
    truth_of,
    tuned,
)
from eval.promise.populations import (
    Population,
    fit_pair,
    pair_population,
    routellm_pair,
    split_mmlu,
    three_tiers,
)
from eval.promise.shift import harmed_requests, watch_paths
from router.promise.rule import COVERS

DELTA = 0.10
MONITOR_DELTA = 0.05
AUDIT_SHARE = 0.02
FITS = 5
THREE_TIER_TARGETS = (0.02, 0.05, 0.10)
PAIR_TARGETS = (0.03, 0.0445, 0.0889)
SIZES = (200, 500, 1000)
TOPIC_LABELS = 1000
CALIBRATION, LOCAL_LABELS, MOST_AUDITS = 500, 200, 3000


def pairs(data: Path, seed: int) -> list[tuple[Population, Population]]:
    """Fit the pair of heads ``FITS`` times and return MMLU's rest and GSM8K under each."""
    mmlu, gsm8k = routellm_pair(data)
    populations = []
    for fit in range(FITS):
        training, rest = split_mmlu(mmlu, seed + fit)
        heads = fit_pair(training, seed + fit)
        populations.append(
            (pair_population("MMLU rest", rest, heads), pair_population("GSM8K", gsm8k, heads))
        )
    return populations


def contract_lines(
    populations: list[Population], targets: tuple[float, ...], draws: int, seed: int
) -> list[str]:
    """How often the contract is broken: every target, size and cover, beside a tuned threshold.

    Draws are divided evenly among the populations (one per fit).
    """
    lines = [
        "| target | labels | rule | broken | risk | always top | below top | cost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    each = draws // len(populations)
    for alpha in targets:
        for n in SIZES:
            for covers in COVERS:
                rng = np.random.default_rng(seed)
                results = []
                for population in populations:
                    truth = truth_of(population, covers)
                    totals = draw_totals(truth, n, each, rng)
                    chosen = {"contract, " + covers: learn_then_test(totals, n, alpha, DELTA)}
                    if covers == "lowest":
                        chosen["tuned"] = tuned(totals, n, alpha)
                    results.append({k: outcome(truth, v, alpha) for k, v in chosen.items()})
                for rule in results[0]:
                    rows = [result[rule] for result in results]
                    cells = [
                        float(np.mean([getattr(row, name) for row in rows]))
                        for name in ("broken", "risk", "always_top", "below_top", "cost_share")
                    ]
                    lines.append(
                        f"| {alpha:g} | {n} | {rule} | {cells[0]:.3f} | {cells[1]:.4f} "
                        f"| {cells[2]:.2f} | {cells[3]:.2f} | {cells[4]:.2f} |"
                    )
    return lines


def topic_lines(population: Population, alpha: float, draws: int, seed: int) -> list[str]:
    """Per topic: how often one contract for all and a contract of its own are broken there.

    ``TOPIC_LABELS`` prompts are drawn over all topics together; a topic's number varies by draw.
    """
    lines = [
        "| topic | prompts | broken: one for all | each | joint | below top: one for all | each "
        "| joint |",
        "|---|---|---|---|---|---|---|---|",
    ]
    whole = truth_of(population, "any")
    topics = np.unique(population.topic)
    truths = [truth_of(population.select(population.topic == topic), "any") for topic in topics]
    sizes = np.array([len(truth.losses) for truth in truths])
    rng = np.random.default_rng(seed)
    rows = len(whole.losses)
    counts = rng.multinomial(TOPIC_LABELS, np.full(rows, 1 / rows), size=draws)
    everywhere = np.rint(counts @ whole.losses).astype(np.int64)
    one_for_all = learn_then_test(everywhere, TOPIC_LABELS, alpha, DELTA)
    shares = np.zeros(3)
    for topic, truth, size in zip(topics, truths, sizes, strict=True):
        inside = counts[:, population.topic == topic]
        totals = np.rint(inside @ truth.losses).astype(np.int64)
        labels = inside.sum(axis=1)
        each, joint = (
            _by_size(totals, labels, alpha, level) for level in (DELTA, DELTA / len(topics))
        )
        kinds = [outcome(truth, places, alpha) for places in (one_for_all, each, joint)]
        shares += np.array([kind.below_top for kind in kinds]) * size / rows
        broken = " | ".join(f"{kind.broken:.2f}" for kind in kinds)
        below = " | ".join(f"{kind.below_top:.2f}" for kind in kinds)
        lines.append(f"| {topic} | {size} | {broken} | {below} |")
    lines.append(f"| all | {rows} | | | | {' | '.join(f'{share:.2f}' for share in shares)} |")
    return lines


def shift_lines(
    populations: list[tuple[Population, Population]], draws: int, seed: int
) -> list[str]:
    """MMLU, then GSM8K: harm without a monitor, delay with one, and after recalibration."""
    lines = [
        "| target | quiet audits | GSM8K risk at the MMLU threshold | broken there | noticed "
        "| audits: median, 90 % | requests: median, 90 % | harmed: median, 90 % "
        "| share of harmed, of requests until then |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    each = draws // len(populations)
    for alpha in PAIR_TARGETS:
        for quiet in (0, 500):
            rng = np.random.default_rng(seed)
            before, after = [], []
            for mmlu, gsm8k in populations:
                home, away = truth_of(mmlu, "lowest"), truth_of(gsm8k, "lowest")
                totals = draw_totals(home, CALIBRATION, each, rng)
                places = learn_then_test(totals, CALIBRATION, alpha, DELTA)
                places = places[places != ALWAYS_TOP]
                before.append(home.risk[places])
                after.append(away.risk[places])
            old, new = np.concatenate(before), np.concatenate(after)
            watch = watch_paths(old, new, quiet, quiet + MOST_AUDITS, alpha, MONITOR_DELTA, rng)
            late = watch.rejected_at > quiet
            requests, harmed = harmed_requests(watch, new, quiet, AUDIT_SHARE, rng)
            lines.append(
                f"| {alpha:g} | {quiet} | {new.mean():.3f} | {(new > alpha).mean():.2f} "
                f"| {late.sum() / max((watch.rejected_at == 0).sum() + late.sum(), 1):.3f} "
                f"| {_middle(watch.rejected_at[late] - quiet)} | {_middle(requests[late])} "
                f"| {_middle(harmed[late])} | {harmed[late].sum() / requests[late].sum():.3f} |"
            )
    return lines


def quiet_lines(
    populations: list[tuple[Population, Population]], draws: int, seed: int
) -> list[str]:
    """No shift: how often 2,000 audits reject a contract that is kept, and one that is not."""
    lines = ["| target | contracts kept | rejected of those | of the broken |", "|---|---|---|---|"]
    for alpha in PAIR_TARGETS:
        rng = np.random.default_rng(seed)
        risk = np.concatenate(
            [
                home.risk[
                    learn_then_test(
                        draw_totals(home, CALIBRATION, draws // len(populations), rng),
                        CALIBRATION,
                        alpha,
                        DELTA,
                    )
                ]
                for home in (truth_of(mmlu, "lowest") for mmlu, _ in populations)
            ]
        )
        found = watch_paths(risk, risk, 0, 2000, alpha, MONITOR_DELTA, rng).rejected
        kept = risk <= alpha
        broken = f"{found[~kept].mean():.2f} ({(~kept).sum()})" if (~kept).any() else "none broken"
        lines.append(f"| {alpha:g} | {kept.mean():.3f} | {found[kept].mean():.3f} | {broken} |")
    return lines


def delay_lines(alpha: float, paths: int, seed: int) -> list[str]:
    """Audits until a shift to a multiple of alpha is noticed, after quiet pasts at alpha / 2."""
    quiets = (0, 200, 1000, 5000)
    lines = [
        "| risk after the shift | " + " | ".join(f"after {q} quiet audits" for q in quiets) + " |",
        "|---" * (len(quiets) + 1) + "|",
    ]
    rng = np.random.default_rng(seed)
    old = np.full(paths, alpha / 2)
    for factor in (1.0, 1.5, 2.0, 3.0, 4.0):
        cells = []
        for quiet in quiets:
            new = np.full(paths, alpha * factor)
            watch = watch_paths(old, new, quiet, quiet + MOST_AUDITS, alpha, MONITOR_DELTA, rng)
            late = watch.rejected_at > quiet
            middle = _middle(watch.rejected_at[late] - quiet) if factor > 1 else "false alarms"
            cells.append(f"{middle} ({late.mean():.2f})")
        lines.append(f"| {factor:g} x {alpha:g} | " + " | ".join(cells) + " |")
    return lines


def load_three_tiers(data: Path, artifact: Path, catalog: Path) -> Population:
    """Load the default tiers; see ``eval.promise.populations``."""
    return three_tiers(data, artifact, catalog)


def _by_size(totals: IntArray, labels: IntArray, alpha: float, level: float) -> IntArray:
    """Apply the contract to draws whose number of labels differs."""
    places = np.full(len(labels), ALWAYS_TOP, dtype=np.int64)
    for n in np.unique(labels):
        here = labels == n
        if n > 0:
            places[here] = learn_then_test(totals[here], int(n), alpha, level)
    return places


def _middle(values: IntArray) -> str:
    if values.size == 0:
        return "-"
    return f"{np.median(values):,.0f}, {np.quantile(values, 0.9):,.0f}"


__all__ = ["Truth"]
