"""``--suggest``: which prompts to label next."""

import json
from pathlib import Path

import numpy as np
import pytest
from synthetic import user_records, write_jsonl

from router.defaults import default_artifact_directory
from training.__main__ import main
from training.onboard.ability import fit_ability
from training.onboard.rivals import Prompts
from training.onboard.suggest import by_cluster, by_variance


def known_tiers(n: int, seed: int = 0) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(n, 1)) + np.array([-1.0, 0.0, 1.5])
    return 1 / (1 + np.exp(-scores))


def prompts(cluster: list[int]) -> Prompts:
    return Prompts(known_tiers(len(cluster)), np.array(cluster), np.zeros((len(cluster), 1)))


def test_picks_lower_the_variance_over_the_traffic_more_than_picks_at_random() -> None:
    known = known_tiers(400)
    nothing = fit_ability(known[:0], np.zeros(0))
    picked = by_variance(nothing, known, 20)
    assert len(set(picked.tolist())) == 20
    rng = np.random.default_rng(0)

    def spread(rows: np.ndarray) -> float:
        # Half an adequate answer each: the information of a label without its outcome.
        return float(
            (fit_ability(known[rows], np.full(len(rows), 0.5)).deviation(known) ** 2).mean()
        )

    by_lot = [spread(rng.permutation(400)[:20]) for _ in range(20)]
    assert spread(picked) < np.mean(by_lot)


def test_more_are_asked_for_than_there_are() -> None:
    known = known_tiers(5)
    picked = by_variance(fit_ability(known[:0], np.zeros(0)), known, 9)
    assert sorted(picked.tolist()) == [0, 1, 2, 3, 4]


def test_a_cluster_without_labels_comes_before_one_with_many() -> None:
    pool = prompts([0] * 20 + [1] * 20)
    labelled = prompts([0] * 30)
    picked = by_cluster(fit_ability(labelled.known, np.ones(30)), labelled, pool, 5)
    assert (pool.cluster[picked] == 1).all()


def test_the_command_prints_prompts_that_can_be_labelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [str(record["prompt"]) for record in user_records(40) if record["model"] == "mini"]
    traffic = write_jsonl(tmp_path / "traffic.jsonl", [{"prompt": text} for text in texts])
    labels = write_jsonl(
        tmp_path / "labels.jsonl",
        [
            {"prompt": text, "model": "new", "quality": float(at % 2), "output_tokens": 9}
            for at, text in enumerate(texts[:10])
        ],
    )
    artifact = str(default_artifact_directory())
    command = ["onboard", "--artifact", artifact, "--suggest", "6", "--data", str(traffic)]
    assert main([*command, "--labels", str(labels), "--model", "new"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 6
    for line in lines:
        number = int(line["where"].removeprefix("line "))
        assert texts[number - 1] == line["prompt"]
        assert number > 10  # the first ten have labels
