"""The prior: bands of own prompts become examples of the training part, and of nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
from synthetic import DIMENSION, ENCODER, N_FEATURES

from eval.coverage_file import read_coverage
from router.defaults import default_artifact_directory
from router.errors import DataError
from router.predict.encoder import TextEncoder
from training.prior import COPIES, SHARE_BELOW, join_examples, prior_examples, tiers_named
from training.settings import DEFAULT_PRIOR

TIERS = ("small", "medium", "large")
ROOT = Path(__file__).resolve().parents[2]


def coverage_line(name: str, least: str, most: str, part: str) -> str:
    return json.dumps(
        {
            "id": f"{name}-01",
            "kind": name,
            "language": "en",
            "difficulty": 1,
            "messages": [{"role": "user", "content": f"A short word about {name}, please."}],
            "least_tier": least,
            "most_tier": most,
            "why": "A test.",
            "part": part,
            "family": f"{name}/one",
        }
    )


@pytest.fixture
def coverage(tmp_path: Path) -> Path:
    lines = [
        coverage_line("lamps", "small", "small", "prior"),
        coverage_line("boats", "medium", "large", "prior"),
        coverage_line("clouds", "large", "large", "prior"),
        coverage_line("trees", "small", "medium", "test"),
    ]
    path = tmp_path / "coverage.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder(ENCODER)


def test_bands_become_shares_over_the_copies(coverage: Path, encoder: TextEncoder) -> None:
    examples = prior_examples(coverage, encoder, TIERS)
    by_prompt = examples.adequate.reshape(COPIES, 3, 3).mean(axis=0)
    expected = [[1, 1, 1], [SHARE_BELOW, 1, 1], [0, SHARE_BELOW, 1]]
    np.testing.assert_allclose(by_prompt, expected)
    np.testing.assert_allclose(examples.peer_quality.reshape(COPIES, 3, 3)[0], expected)
    assert set(np.unique(examples.adequate)) <= {0.0, 1.0}


def test_the_test_part_never_enters(coverage: Path, encoder: TextEncoder) -> None:
    examples = prior_examples(coverage, encoder, TIERS)
    assert len(examples) == 3 * COPIES
    assert not any("trees" in group for group in examples.groups)
    assert examples.inputs.shape == (3 * COPIES, DIMENSION + N_FEATURES)
    assert np.isnan(examples.output_tokens).all()


def test_copies_of_a_family_share_a_group_so_that_inner_folds_keep_them_together(
    coverage: Path, encoder: TextEncoder
) -> None:
    groups = prior_examples(coverage, encoder, TIERS).groups
    assert len(set(groups.tolist())) == 3


def test_joined_examples_hold_the_rows_of_both(coverage: Path, encoder: TextEncoder) -> None:
    one = prior_examples(coverage, encoder, TIERS)
    joined = join_examples(one, one)
    assert len(joined) == 2 * len(one)
    np.testing.assert_array_equal(joined.inputs[: len(one)], joined.inputs[len(one) :])


def test_the_tiers_of_the_bands_are_told(coverage: Path) -> None:
    assert tiers_named(coverage) == {"small", "medium", "large"}


def test_a_file_that_is_no_coverage_set_is_refused(tmp_path: Path, encoder: TextEncoder) -> None:
    path = tmp_path / "not.jsonl"
    path.write_text('{"prompt": "hi"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="line 1"):
        prior_examples(path, encoder, TIERS)


def test_the_shipped_manifest_says_how_much_of_it_is_prior() -> None:
    shipped = default_artifact_directory() / "manifest.json"
    manifest = json.loads(shipped.read_text(encoding="utf-8"))
    prompts = [one for one in read_coverage(ROOT / DEFAULT_PRIOR) if one.part == "prior"]
    assert manifest["training"]["prior"]["rows"] == COPIES * len(prompts)
