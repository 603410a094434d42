"""The parity gate: what was fitted passes, and a graph that is anything else does not."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from synthetic import DIMENSION, N_FEATURES

from router.errors import TrainingError
from training.candidates import CANDIDATES, Calibration, Candidate
from training.graph import build_heads
from training.lengths import Lengths
from training.parity import Parity, check_parity


@pytest.fixture(scope="module")
def candidate(candidates: dict[str, Candidate]) -> Candidate:
    return candidates["mixture"]


@pytest.fixture(scope="module")
def inputs(examples) -> np.ndarray:
    return examples["validation"].inputs


def heads(candidate: Candidate, lengths: Lengths) -> onnx.ModelProto:
    return build_heads(candidate, lengths, dimension=DIMENSION, n_features=N_FEATURES)


@pytest.mark.parametrize("name", list(CANDIDATES))
def test_every_candidate_passes(
    candidates: dict[str, Candidate], lengths: Lengths, inputs: np.ndarray, name: str
) -> None:
    fitted = candidates[name]
    parity = check_parity(heads(fitted, lengths), fitted, lengths, inputs, DIMENSION)
    assert isinstance(parity, Parity)
    assert parity.adequacy_p99 <= parity.adequacy_max < 1e-4
    assert parity.log_tokens_p99 <= parity.log_tokens_max < 1e-3


def with_offset(candidate: Candidate, change: float) -> Candidate:
    scaling = candidate.calibration
    return replace(
        candidate, calibration=Calibration(scaling.slope, scaling.offset + np.float32(change))
    )


@pytest.mark.parametrize("change", [0.01, -0.5, np.nan])
def test_a_graph_with_another_calibration_is_refused(
    candidate: Candidate, lengths: Lengths, inputs: np.ndarray, change: float
) -> None:
    altered = heads(with_offset(candidate, change), lengths)
    with pytest.raises(TrainingError, match="Nothing was exported") as caught:
        check_parity(altered, candidate, lengths, inputs, DIMENSION)
    assert caught.value.reason == "PARITY_GATE"


def test_the_refusal_states_the_difference_and_what_is_allowed(
    candidate: Candidate, lengths: Lengths, inputs: np.ndarray
) -> None:
    altered = heads(with_offset(candidate, 0.3), lengths)
    with pytest.raises(
        TrainingError,
        match=r"does not give what was fitted: Parity\(adequacy_max=0\.0\d.*allowed are 0\.0001 at "
        r"the 99th percentile and 0\.02 at most",
    ):
        check_parity(altered, candidate, lengths, inputs, DIMENSION)


def test_a_graph_with_other_lengths_is_refused(
    candidate: Candidate, lengths: Lengths, inputs: np.ndarray
) -> None:
    altered = heads(candidate, replace(lengths, smear=lengths.smear * np.float32(1.01)))
    with pytest.raises(TrainingError, match="does not give what was fitted"):
        check_parity(altered, candidate, lengths, inputs, DIMENSION)


def test_a_graph_whose_trees_were_touched_is_refused(
    candidate: Candidate, lengths: Lengths, inputs: np.ndarray
) -> None:
    altered = heads(candidate, lengths)
    (trees,) = [node for node in altered.graph.node if node.op_type == "TreeEnsembleRegressor"]
    (leaves,) = [item for item in trees.attribute if item.name == "target_weights"]
    leaves.floats[0] += 1.0
    with pytest.raises(TrainingError, match="does not give what was fitted"):
        check_parity(altered, candidate, lengths, inputs, DIMENSION)


def test_a_difference_of_rounding_passes(
    candidate: Candidate, lengths: Lengths, inputs: np.ndarray
) -> None:
    altered = heads(candidate, lengths)
    for constant in altered.graph.initializer:
        values = numpy_helper.to_array(constant)
        if values.dtype == np.float32 and values.ndim == 2:  # the linear member's weights
            constant.CopyFrom(numpy_helper.from_array(values * np.float32(1 + 1e-7), constant.name))
    check_parity(altered, candidate, lengths, inputs, DIMENSION)


def test_the_gate_is_not_blind_to_a_single_row_far_off(
    candidate: Candidate, lengths: Lengths, inputs: np.ndarray
) -> None:
    """One row in a thousand escapes the 99th percentile, but not the largest difference."""
    many = np.repeat(inputs, 10, axis=0)
    many[:, 0] = 0.0
    many[0, 0] = 1.0
    altered = heads(candidate, lengths)
    for constant in altered.graph.initializer:
        values = numpy_helper.to_array(constant).copy()
        if values.dtype == np.float32 and values.ndim == 2:  # the linear member's weights
            values[0] += 3.0
            constant.CopyFrom(numpy_helper.from_array(values, constant.name))
    with pytest.raises(TrainingError, match=r"adequacy_max=0\.[1-9].*adequacy_p99=\d\.\d+e-0[67]"):
        check_parity(altered, candidate, lengths, many, DIMENSION)
