"""The picture of one served life: evidence against the contract, and requests that lost."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from eval.promise.served import Stretch
from eval.style import BLUE, GREY, MUTED, ORANGE, headline, save_png, styled

_NAMES = ("MMLU", "GSM8K", "GSM8K, recalibrated")


def draw_life(parts: Sequence[Stretch], alpha: float, confidence: float, path: Path) -> None:
    """Draw quiet traffic, the shift until the contract falls, and what came after recalibration.

    Args:
        parts: Two or three stretches, one after the other.
        alpha: Promised greatest share of requests that lose.
        confidence: Of the contract; evidence ends at 1 / (1 - confidence).
        path: PNG to write.
    """
    with styled():
        figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(9.2, 5.8))
        figure.subplots_adjust(left=0.085, right=0.975, top=0.83, bottom=0.1, hspace=0.3)
        start, lost, evidence = 0, 0, 1.0
        for place, (part, name) in enumerate(zip(parts, _NAMES, strict=False)):
            if place == 2:  # a new calibration begins a new watch
                evidence = 1.0
            at = [start, *(start + request for request, _ in part.evidence), start + part.requests]
            values = [evidence, *(value for _, value in part.evidence)]
            evidence = values[-1]
            above.step(at, [*values, evidence], where="post", color=BLUE)
            asked = start + np.array([0, *part.losses, part.requests])
            counts = lost + np.array([0, *range(1, part.lost + 1), part.lost])
            below.step(asked, counts, where="post", color=ORANGE)
            below.plot(
                [start, start + part.requests],
                [lost, lost + alpha * part.requests],
                color=GREY,
                linestyle=(0, (4, 2)),
            )
            for axes in (above, below):
                axes.axvline(start, color=MUTED, linewidth=0.8)
            above.text(
                start,
                1.1 if place == 1 else 1.02,  # a short stretch leaves its name no room
                f" {name}",
                transform=above.get_xaxis_transform(),
                color=MUTED,
            )
            start, lost = start + part.requests, lost + part.lost
        above.axhline(1 / (1 - confidence), color=GREY, linestyle=(0, (4, 2)))
        above.set_yscale("log")
        above.set_ylabel("evidence")
        below.set_ylabel("requests that lost")
        below.set_xlabel("requests under the contract")
        headline(
            figure,
            f"A contract of α = {alpha:g} that audits found broken",
            "Above: greatest wealth of the bet, suspended at the dashed line. Below: losses, and "
            "what the contract allows (dashed).",
        )
        save_png(figure, path)
