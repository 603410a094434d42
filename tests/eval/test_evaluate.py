"""One evaluation from end to end, its pictures, its page and its command line."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.__main__ import main
from eval.cells import short
from eval.evaluate import evaluate, split_held_out
from eval.outcomes import Origin, OutcomeTable, write_outcomes
from eval.report import write_report
from eval.results import LEVELS, Results
from eval.results_file import read_results
from eval.split import assign_split
from eval.tables import summary
from router.engine import Engine
from router.errors import DataError

ROUTERS = {
    "router_trade_off",
    "router_target",
    "task_mean",
    "knn",
    "prompt_length",
    "zero_router",
    "random_mix",
    "best_single_tier",
    "perfect_verifier",
    "oracle",
}


def test_only_held_out_groups_are_scored_and_baselines_never_see_them(
    engine: Engine, outcomes: OutcomeTable
) -> None:
    split = split_held_out(engine, outcomes)
    assert set(split.test.group) & set(split.known.group) == set()
    parts = assign_split(outcomes.group, engine.artifact.manifest.split_seed)
    assert split.test.prompt_ids.tolist() == outcomes.prompt_ids[parts == "test"].tolist()


def test_an_evaluation_holds_every_router_with_ordered_intervals(results: Results) -> None:
    assert {router.name for router in results.routers} == ROUTERS
    for router in results.routers:
        assert [cell.level for cell in router.cost_shares] == list(LEVELS)
        for cell in router.cost_shares:
            assert 0 <= cell.share.low <= cell.share.high <= 1
        shares = [cell.share.value for cell in router.cost_shares]
        assert shares == sorted(shares, reverse=True)
        assert [point.quality for point in router.hull] == sorted(
            point.quality for point in router.hull
        )


def test_nobody_beats_the_oracle_and_the_zero_router_beats_the_random_mix(
    results: Results,
) -> None:
    rows = {router.name: router for router in results.routers}
    for router in results.routers:
        for ours, best in zip(router.cost_shares, rows["oracle"].cost_shares, strict=True):
            assert ours.share.value >= best.share.value
    assert rows["zero_router"].aiq.value >= rows["random_mix"].aiq.value


def test_the_same_seed_gives_the_same_results(
    engine: Engine, outcomes: OutcomeTable, results: Results
) -> None:
    again = evaluate(engine, outcomes, seed=3, draws=40, command="python -m eval run ...")
    assert repr(again) == repr(results)


def test_other_data_than_in_training_are_noted(results: Results) -> None:
    assert not results.provenance.data_matches_artifact
    assert "not those the artifact was trained on" in results.provenance.notes[0]


def test_an_evaluation_without_held_out_prompts_is_refused(
    engine: Engine, outcomes: OutcomeTable
) -> None:
    parts = assign_split(outcomes.group, engine.artifact.manifest.split_seed)
    with pytest.raises(DataError, match="0 of them held out"):
        evaluate(engine, outcomes.select(parts == "train"), draws=2)


def test_the_terminal_shows_intervals_and_paired_differences(results: Results) -> None:
    text = summary(results)
    assert "router " in text
    assert "| 99%" in text
    assert "this router, trade-off rule" in text
    assert "this router against" in text
    assert "cost share at 95% quality" in text


def test_shares_lose_their_leading_zero_only() -> None:
    assert [short(value) for value in (0.853, 1.0, -0.02, 10.5)] == [
        ".853",
        "1.000",
        "-.020",
        "10.500",
    ]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.links += [
            value or "" for name, value in attrs if name in {"href", "src", "xlink:href"}
        ]


@pytest.fixture(scope="module")
def written(results: Results, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the files of one report, of a task with an odd name; drawing takes seconds."""
    odd = tuple(replace(task, task="<b>&") for task in results.tasks)
    return write_report(replace(results, tasks=odd), tmp_path_factory.mktemp("report"))


def test_the_report_is_one_page_that_loads_nothing(written: list[Path]) -> None:
    assert [path.name for path in written] == [
        "frontier.png",
        "cost_shares.png",
        "calibration.png",
        "tasks.png",
        "report.html",
    ]
    page = _Page()
    page.feed(written[-1].read_text(encoding="utf-8"))
    assert all(link.startswith("#") for link in page.links)
    assert page.open.count("svg") == 4
    assert not {"script", "link", "img", "iframe"} & set(page.open)
    assert all(path.stat().st_size > 5000 for path in written)


def test_names_from_data_are_escaped_in_the_report(written: list[Path]) -> None:
    page = written[-1].read_text(encoding="utf-8")
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page


def test_the_command_line_evaluates_and_draws_again(
    tiny_artifact: Path,
    catalog_file: Path,
    outcomes: OutcomeTable,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "outcomes" / "made-up.parquet"
    write_outcomes(outcomes, data, Origin("made for a test", "", "Apache-2.0"))
    where = ["--artifact", str(tiny_artifact), "--catalog", str(catalog_file)]
    out = tmp_path / "out"
    assert main(["run", *where, "--data", str(data.parent), "--out", str(out), "--draws", "5"]) == 0
    assert "task mean" in capsys.readouterr().out
    found = read_results(out / "results.json")
    assert found.provenance.command.startswith("python -m eval run --artifact")
    assert main(["report", str(out / "results.json"), "--out", str(tmp_path / "again")]) == 0
    first, second = (folder / "report.html" for folder in (out, tmp_path / "again"))
    assert first.read_bytes() == second.read_bytes()


def test_the_command_line_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["routellm", "--data", str(tmp_path / "nothing.parquet")]) == 1
    assert "make data" in capsys.readouterr().err


def test_a_tier_judged_by_another_model_is_noted(engine: Engine, outcomes: OutcomeTable) -> None:
    tiers = (replace(engine.catalog.tiers[0], reference_model="other"), *engine.catalog.tiers[1:])
    other = replace(engine, catalog=replace(engine.catalog, tiers=tiers))
    renamed = replace(outcomes, models=("other", *outcomes.models[1:]))
    notes = evaluate(other, renamed, draws=2).provenance.notes
    assert any("Tier small is judged by other" in note for note in notes)
