"""The onboarding curve as Markdown tables and as a picture. Figures are means over new models."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eval.arrays import FloatArray
from eval.bootstrap import Interval
from eval.figures import interval
from eval.style import BLUE, GREY, INK, MUTED, ORANGE, PURPLE, TEAL, headline, save_png, styled
from training.onboard.measures import Routed, Samples
from training.onboard.trial import SIZES

_SHIPPED = "item response"
_COLOURS = {
    "model mean": GREY,
    "nearest tier as it is": TEAL,
    "cluster means": ORANGE,
    _SHIPPED: BLUE,
    "item response and features": PURPLE,
}
Key = tuple[str, int]
"""A method and how many labels it had; 0 where the number does not vary."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Samples of every method and size, one per new model."""

    title: str
    models: tuple[str, ...]
    predictions: dict[Key, list[Samples]] = field(default_factory=dict)
    routed: dict[Key, list[Routed]] = field(default_factory=dict)

    def add(self, method: str, size: int, samples: Samples) -> None:
        """Keep what one model gave."""
        self.predictions.setdefault((method, size), []).append(samples)

    def add_routed(self, method: str, size: int, routed: Routed) -> None:
        """Keep what a tier set with one model gave."""
        self.routed.setdefault((method, size), []).append(routed)

    def mean(self, key: Key, figure: str) -> FloatArray:
        """Return a figure's samples, averaged over the models: (1 + D,)."""
        samples: list[Any] = [*self.predictions.get(key, []), *self.routed.get(key, [])]
        kept = [getattr(one, figure) for one in samples if hasattr(one, figure)]
        average: FloatArray = np.mean(kept, axis=0)
        return average


def markdown(curves: list[Curve]) -> str:
    """Return every table."""
    return "\n".join(part for curve in curves for part in _tables(curve)) + "\n"


def _tables(curve: Curve) -> list[str]:
    lines = [f"## {curve.title}", "", f"New models: {', '.join(curve.models)}.", ""]
    for title, figure in (
        ("Log loss (nats)", "log_loss"), ("Brier", "brier"), ("AUC", "auc"),
    ):  # fmt: skip
        lines += [f"### {title}", "", *_by_size(curve, figure, list(curve.predictions)), ""]
    lines += ["### Log loss, paired against item response with as many labels", ""]
    lines += [*_against(curve), ""]
    if curve.routed:
        for title, figure in (("AIQ", "aiq"), ("Cost share at 95 % quality", "cost_share")):
            lines += [f"### {title}", "", *_by_size(curve, figure, list(curve.routed)), ""]
        lines += ["### AIQ, paired against the tier set without the new model", ""]
        lines += [*_gains(curve), ""]
        lines += ["### Log loss, Brier, AUC of each model: mean, item response, trained for", ""]
        lines += [*_each_model(curve), ""]
    return lines


def _by_size(curve: Curve, figure: str, keys: list[Key]) -> list[str]:
    rows = [_header("method")]
    for method in dict.fromkeys(name for name, _ in keys):
        cells = []
        for size in SIZES:
            key = (method, size) if (method, size) in keys else (method, 0)
            cells.append(_cell(interval(curve.mean(key, figure))) if key in keys else "")
        rows.append(f"| {method} | {' | '.join(cells)} |")
    return rows


def _against(curve: Curve) -> list[str]:
    rows = [_header("method")]
    for method in dict.fromkeys(name for name, _ in curve.predictions):
        if method == _SHIPPED:
            continue
        cells = []
        for size in SIZES:
            key = (method, size) if (method, size) in curve.predictions else (method, 0)
            if key not in curve.predictions:
                cells.append("")
                continue
            ours = curve.mean((_SHIPPED, size), "log_loss")
            cells.append(_signed(interval(curve.mean(key, "log_loss") - ours)))
        rows.append(f"| {method} | {' | '.join(cells)} |")
    return rows


def _gains(curve: Curve) -> list[str]:
    base = next(key for key in curve.routed if key[0].startswith("without"))
    rows = [_header("method")]
    for method in dict.fromkeys(name for name, _ in curve.routed if (name, 0) != base):
        cells = []
        for size in SIZES:
            key = (method, size) if (method, size) in curve.routed else (method, 0)
            gain = curve.mean(key, "aiq") - curve.mean(base, "aiq")
            cells.append(_signed(interval(gain)))
        rows.append(f"| {method} | {' | '.join(cells)} |")
    return rows


def _each_model(curve: Curve) -> list[str]:
    columns = [("model mean", 500), (_SHIPPED, 50), (_SHIPPED, 200), (_SHIPPED, 500)]
    columns += [key for key in curve.predictions if key[1] == 0]
    names = [f"{method}{f', {size}' if size else ''}" for method, size in columns]
    rows = [f"| model | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for at, model in enumerate(curve.models):
        samples = [curve.predictions[key][at] for key in columns]
        cells = [
            f"{one.log_loss[0]:.3f} / {one.brier[0]:.3f} / {one.auc[0]:.3f}" for one in samples
        ]
        rows.append(f"| {model} | {' | '.join(cells)} |")
    return rows


def _header(first: str) -> str:
    return f"| {first} | {' | '.join(map(str, SIZES))} |\n{'|---' * (len(SIZES) + 1)}|"


def _cell(value: Interval) -> str:
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _signed(value: Interval) -> str:
    return f"{value.value:+.4f} [{value.low:+.4f}, {value.high:+.4f}]"


def picture(curve: Curve, path: Path) -> None:
    """Draw log loss and AUC against the number of labels, with 95 % bands."""
    from matplotlib import pyplot as plt

    with styled():
        drawn, panels = plt.subplots(1, 2, figsize=(10, 4.6))
        drawn.subplots_adjust(top=0.79, left=0.07, right=0.98, bottom=0.24, wspace=0.2)
        headline(
            drawn,
            "A new model from few labels",
            f"mean of {len(curve.models)} models, 95 % bands by prompt; "
            "dashed: trained for it on 2,500 to 3,300 labels",
        )
        for panel, figure, title in zip(
            panels, ("log_loss", "auc"), ("log loss (lower is better)", "AUC"), strict=True
        ):
            for method, colour in _COLOURS.items():
                found = [interval(curve.mean((method, size), figure)) for size in SIZES]
                low, high = [one.low for one in found], [one.high for one in found]
                panel.fill_between(SIZES, low, high, color=colour, alpha=0.13, linewidth=0)
                values = [one.value for one in found]
                panel.plot(SIZES, values, color=colour, marker="o", markersize=4, label=method)
            for key in curve.predictions:
                if key[1] == 0:
                    value = float(curve.mean(key, figure)[0])
                    panel.axhline(value, color=INK, linestyle="--", linewidth=1, label=key[0])
            panel.set_title(title)
            panel.set_xscale("log")
            panel.set_xticks(SIZES, [str(size) for size in SIZES])
            panel.minorticks_off()
            panel.set_xlabel("labels", color=MUTED)
        handles, labels = panels[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="lower center", ncol=3, frameon=False, fontsize=9)
        save_png(drawn, path)
