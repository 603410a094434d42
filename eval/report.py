"""The evaluation as one HTML page and pictures beside it, drawn from ``Results`` only.

The page is self-contained: style and pictures are inside, nothing is loaded from elsewhere. How
pictures look is ``eval.plots``; the page's style sheet is ``report.css``.
"""

from html import escape
from pathlib import Path

from eval.plots import pictures
from eval.report_tables import (
    calibration_html,
    differences_html,
    frontier_html,
    noise_html,
    note,
    provenance_html,
    routellm_html,
    task_knowledge_html,
    tasks_html,
    tiers_html,
)
from eval.results import Results
from eval.style import save_png, styled, themed_svg
from eval.tables import level_names

REPORT_FILE = "report.html"
_STYLE = Path(__file__).with_name("report.css")


def write_report(results: Results, out: Path) -> list[Path]:
    """Write ``report.html`` and one PNG per picture.

    Args:
        results: What to show.
        out: Directory; made when missing.

    Returns:
        The files written.
    """
    out.mkdir(parents=True, exist_ok=True)
    drawings, written = {}, []
    for name, draw in pictures().items():
        with styled():
            figure = draw(results)
            path = out / f"{name}.png"
            save_png(figure, path)
            drawings[name] = themed_svg(figure, name)
            written.append(path)
    page = out / REPORT_FILE
    page.write_text(report_html(results, drawings), encoding="utf-8")
    return [*written, page]


def report_html(results: Results, drawings: dict[str, str]) -> str:
    """Build the page.

    Args:
        results: What to show.
        drawings: An ``<svg>`` element for each name of ``eval.plots.pictures``.
    """
    large = escape(results.tiers[-1].name)
    sections = [
        _section("Frontier", tiers_html(results), _drawing(drawings, "frontier")),
        _section(
            f"Share of always-{large}'s cost for a share of its quality",
            note(
                "Upper hull of each router's settings on the held-out prompts; 95 % intervals "
                "by resampling duplicate groups, paired over all rows. Lower is better."
            ),
            frontier_html(results.routers, level_names(results)),
            _drawing(drawings, "cost_shares"),
            differences_html(results),
            noise_html(results),
        ),
        _section("How much of it is knowing the task", task_knowledge_html(results)),
        _section("Calibration", _drawing(drawings, "calibration"), calibration_html(results)),
        _section("Task by task", _drawing(drawings, "tasks"), tasks_html(results.tasks)),
    ]
    if results.routellm:
        sections.append(_section("RouteLLM's figures, computed again", routellm_html(results)))
    sections.append(_section("Where this comes from", provenance_html(results)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>Router evaluation {escape(results.provenance.artifact_version)}</title>"
        f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head><body><main>"
        f"<h1>Router evaluation</h1>{_lead(results)}{''.join(sections)}</main></body></html>\n"
    )


def _lead(results: Results) -> str:
    goal, large = results.default_goal, escape(results.tiers[-1].name)
    shares = ", ".join(f"{one.share:.0%} to {escape(one.tier)}" for one in goal.tier_shares)
    return (
        f'<p class="lead">At its default goal ({escape(goal.goal)}) this router keeps '
        f"<b>{goal.quality_share.value:.1%}</b> of always-{large}'s quality for "
        f"<b>{goal.cost_share.value:.1%}</b> of its cost: {shares}.</p>"
        + "".join(f'<p class="warning">{escape(note)}</p>' for note in results.provenance.notes)
    )


def _section(title: str, *content: str) -> str:
    return f"<section><h2>{title}</h2>{''.join(content)}</section>"


def _drawing(drawings: dict[str, str], name: str) -> str:
    return f'<figure id="{name}">{drawings[name]}</figure>'
