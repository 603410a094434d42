"""The study as Markdown: costs and delays, oscillation, and what if things are otherwise."""

from collections.abc import Iterator, Mapping, Sequence

from eval.cells import number_to, percent_to
from eval.pools.routers import WAYS
from eval.pools.run import Run
from eval.pools.study import (
    WARM_UP_S,
    WHAT_IFS,
    amplitude,
    foreseen,
    longer,
    mean,
    runs,
    saving,
    scenario,
    setting,
    way,
    what_if,
)

OURS, LIST, GUARDED = "shadow price", "list price", "list price until full"
Found = Mapping[str, Sequence[Run]]
SEEN = "all foreseen (a bound)"
COST_SCENARIOS = ("low", "diurnal", "burst", "mixed")
SWINGERS = (OURS, "last reading alone", GUARDED, "instant readings")


def found(name: str, seeds: Sequence[int]) -> Found:
    """Run every way over a scenario."""
    return {one.name: runs(scenario(name), one, setting(), seeds) for one in WAYS}


def cost_lines(name: str, of: Found, seeds: Sequence[int]) -> Iterator[str]:
    """Yield the table of one scenario, run for these seeds."""
    any_run = of[OURS][0]
    yield f"### {name}: {scenario(name).words}"
    yield ""
    yield f"GPUs cost {any_run.gpu_usd:.2f} USD under every way."
    yield ""
    yield (
        "| way to price the pool | total USD | cheaper than list price | utilisation | on the pool "
        "| p95 delay s | p99 delay s |"
    )
    yield "|---|---|---|---|---|---|---|"
    for key, ours in of.items():
        cheaper = "" if key == LIST else percent_to(saving(ours, of[LIST]))
        yield (
            f"| {key} | {number_to(mean(ours, lambda r: r.total_usd))} | {cheaper} "
            f"| {mean(ours, lambda r: r.utilisation).value:.0%} "
            f"| {mean(ours, lambda r: r.pool_share).value:.0%} "
            f"| {number_to(mean(ours, lambda r: r.p95_delay_s))} "
            f"| {number_to(mean(ours, lambda r: r.p99_delay_s))} |"
        )
    paid = sum(one.total_usd for one in of[LIST])
    least = any_run.gpu_usd + foreseen(scenario(name), seeds).mean()
    yield f"| {SEEN} | {least:.2f} | {1.0 - least * len(seeds) / paid:.1%} | | | | |"
    yield ""
    yield (
        f"p95 delay of the {OURS} minus that of the {LIST}: "
        f"{number_to(longer(of[OURS], of[LIST]))} s. The {OURS} is "
        f"{percent_to(saving(of[OURS], of[GUARDED]))} cheaper than the {GUARDED}."
    )
    yield ""


def swing_lines(seeds: Sequence[int]) -> Iterator[str]:
    """Yield the table of oscillation."""
    yield f"### Oscillation: {scenario('steady').words}, 8 routers"
    yield ""
    yield (
        "| way to price the pool | readings | amplitude | mean filled | p95 delay s | total USD |"
    )
    yield "|---|---|---|---|---|---|"
    on_time, late, untold = WHAT_IFS[0], WHAT_IFS[2], WHAT_IFS[3]
    rows = [(key, "every 30 s", on_time) for key in SWINGERS]
    rows += [(key, "every 30 s, 30 s old", late) for key in SWINGERS[:-1]]
    rows.append((OURS, "every 30 s, 30 s old, and the catalog does not say so", untold))
    for key, words, how in rows:
        ours = runs(scenario("steady"), way(key), what_if(how), seeds)
        filled = mean(ours, lambda r: float(r.filled[r.at >= WARM_UP_S].mean()))
        yield (
            f"| {key} | {words if key != 'instant readings' else 'instant'} "
            f"| {number_to(amplitude(ours), 3)} | {filled.value:.2f} "
            f"| {number_to(mean(ours, lambda r: r.p95_delay_s))} "
            f"| {number_to(mean(ours, lambda r: r.total_usd), 1)} |"
        )
    yield ""


def what_if_lines(seeds: Sequence[int]) -> Iterator[str]:
    """Yield the table of what happens on the mixed scenario if things are otherwise."""
    listed = runs(scenario("mixed"), way(LIST), setting(), seeds)
    yield "### The shadow price on the mixed scenario, if things are otherwise"
    yield ""
    yield "| what | total USD | cheaper than list price | p95 delay s | p99 delay s |"
    yield "|---|---|---|---|---|"
    for one in WHAT_IFS:
        ours = runs(scenario("mixed"), way(OURS), what_if(one), seeds)
        yield (
            f"| {one.words} | {number_to(mean(ours, lambda r: r.total_usd))} "
            f"| {percent_to(saving(ours, listed))} "
            f"| {number_to(mean(ours, lambda r: r.p95_delay_s))} "
            f"| {number_to(mean(ours, lambda r: r.p99_delay_s))} |"
        )
    yield ""
