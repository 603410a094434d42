"""How pictures look: colours, fonts, and the way out as PNG or as SVG that follows a page's theme.

What is drawn is ``eval.plots``.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt  # the backend must be chosen before

INK, MUTED, GRID, PAPER = "#1d2430", "#667080", "#e4e8ed", "#ffffff"
BLUE, ORANGE, GREEN, PURPLE, TEAL, GREY = (
    "#2f6fde",
    "#d97a1e",
    "#23915c",
    "#8d5bd0",
    "#1597a5",
    "#8a94a3",
)
COLOURS: dict[str, str] = {
    "router_trade_off": BLUE,
    "router_target": "#74a3f0",
    "task_mean": ORANGE,
    "knn": PURPLE,
    "prompt_length": "#b5876b",
    "zero_router": GREY,
    "random_mix": "#a9b1bd",
    "best_single_tier": "#a9b1bd",
    "perfect_verifier": TEAL,
    "oracle": GREEN,
}
TIER_COLOURS: tuple[str, ...] = (TEAL, BLUE, PURPLE, ORANGE, GREEN)
PNG_DPI = 160
_THEME = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)", PAPER: "var(--paper)"}
_RC: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "eval",
}


@contextmanager
def styled() -> Iterator[None]:
    """Apply the style to figures made inside, and close them afterwards."""
    with mpl.rc_context(_RC):
        try:
            yield
        finally:
            plt.close("all")


def headline(figure: Any, title: str, subtitle: str) -> None:
    """Put a title and a line of explanation over a figure, left aligned, in inches from the top."""
    height = figure.get_figheight()
    figure.text(0.012, 1 - 0.10 / height, title, fontsize=13.5, fontweight="bold", va="top")
    figure.text(0.012, 1 - 0.40 / height, subtitle, fontsize=9.5, color=MUTED, va="top")


def save_png(figure: Any, path: Path) -> None:
    """Write a picture on white paper; the same figure gives the same bytes."""
    figure.savefig(path, dpi=PNG_DPI, metadata={"Software": None})


def themed_svg(figure: Any, name: str) -> str:
    """Turn a figure into an ``<svg>`` element whose neutral colours are the page's variables.

    Args:
        figure: The figure.
        name: Unique on the page; keeps the element's inner ids apart from other pictures'.
    """
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for colour, variable in _THEME.items():
        text = text.replace(colour, variable)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # nothing refers to groups, and ids must be unique
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace("'DejaVu Sans'", "var(--font)")
    return re.sub(r"width=\"[\d.]+pt\" height=\"[\d.]+pt\"", 'role="img"', text, count=1)
