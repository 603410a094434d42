"""Tables of contracts whose traffic changes, as Markdown lines: delay, harm and false alarms."""

from collections.abc import Sequence

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.promise.draws import DELTA, draw_totals, learn_then_test, truth_of
from eval.promise.populations import Population
from eval.promise.shift import harmed_requests, watch_paths

MONITOR_DELTA = 0.05
AUDIT_SHARE = 0.02
CALIBRATION, MOST_AUDITS, QUIET_AUDITS = 500, 3000, 2000
Pairs = Sequence[tuple[Population, Population]]


def shift_lines(populations: Pairs, targets: Sequence[float], draws: int, seed: int) -> list[str]:
    """MMLU, then GSM8K: harm without a monitor, delay with one, and after recalibration."""
    heads = (
        "target",
        "quiet audits",
        "GSM8K below top",
        "risk there",
        "broken there",
        "noticed of the broken",
        "audits: median, 90 %",
        "requests: median, 90 %",
        "harmed: median, 90 %",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for alpha in targets:
        for quiet in (0, 500):
            rng = np.random.default_rng(seed)
            before, after, below = _risks(populations, alpha, draws, rng)
            watch = watch_paths(
                before, after, quiet, quiet + MOST_AUDITS, alpha, MONITOR_DELTA, rng
            )
            requests, harmed = harmed_requests(watch, after, quiet, AUDIT_SHARE, rng)
            broken = after > alpha
            late = broken & (watch.rejected_at > quiet)
            awake = broken & ((watch.rejected_at == 0) | late)
            noticed = f"{late.sum() / awake.sum():.2f}" if awake.any() else "-"
            lines.append(
                f"| {alpha:g} | {quiet} | {below.mean():.2f} | {after.mean():.3f} "
                f"| {broken.mean():.2f} | {noticed} | {_middle(watch.rejected_at[late] - quiet)} "
                f"| {_middle(requests[late])} | {_middle(harmed[late])} |"
            )
    return lines


def _risks(
    populations: Pairs, alpha: float, draws: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Calibrate at home; give (draws,) risk at home, risk away and share below the top away."""
    found = []
    for home, away in populations:
        at_home, there = truth_of(home, "lowest"), truth_of(away, "lowest")
        totals = draw_totals(at_home, CALIBRATION, draws // len(populations), rng)
        places = learn_then_test(totals, CALIBRATION, alpha, DELTA)
        found.append((at_home.risk[places], there.risk[places], there.below_top[places]))
    before, after, below = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return before, after, below


def quiet_lines(populations: Pairs, targets: Sequence[float], draws: int, seed: int) -> list[str]:
    """No shift: how often ``QUIET_AUDITS`` audits reject a contract, kept or broken."""
    lines = ["| target | contracts kept | rejected of those | of the broken |", "|---|---|---|---|"]
    for alpha in targets:
        rng = np.random.default_rng(seed)
        risk, _, _ = _risks(populations, alpha, draws, rng)
        found = watch_paths(risk, risk, 0, QUIET_AUDITS, alpha, MONITOR_DELTA, rng).rejected
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


def _middle(values: IntArray) -> str:
    if values.size == 0:
        return "-"
    return f"{np.median(values):,.0f}, {np.quantile(values, 0.9):,.0f}"
