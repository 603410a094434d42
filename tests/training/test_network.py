"""The network member: what it gives, what it looks at, and that averaging it is exact."""

from dataclasses import replace

import numpy as np
import pytest

from training.candidates import log_loss
from training.labels import Examples
from training.members import logit
from training.network import (
    Network,
    NetworkSettings,
    fit_network,
)

QUICK = NetworkSettings(networks=2, hidden=8, penalty=0.3, epochs=30)


@pytest.fixture(scope="module")
def train(examples: dict[str, Examples]) -> Examples:
    return examples["train"]


@pytest.fixture(scope="module")
def network(train: Examples) -> Network:
    return fit_network(train, QUICK, seed=0)


def test_it_learns_more_than_the_base_rates(
    network: Network, examples: dict[str, Examples]
) -> None:
    test = examples["test"]
    rates = np.tile(examples["train"].adequate.mean(axis=0), (len(test), 1))
    loss = log_loss(network.probabilities(test.inputs), test.adequate)
    assert loss < 0.9 * log_loss(rates, test.adequate)


def test_its_numbers_are_float32_and_its_hidden_layers_stand_side_by_side(
    network: Network, train: Examples
) -> None:
    units = QUICK.networks * QUICK.hidden
    (first, first_bias), (second, second_bias) = network.layers
    assert first.shape == (train.inputs.shape[1], units)
    assert second.shape == (units, train.adequate.shape[1])
    for numbers in (network.low, network.high, first, first_bias, second, second_bias):
        assert numbers.dtype == np.float32


def test_a_seed_repeats_it_and_another_one_does_not(network: Network, train: Examples) -> None:
    again, other = fit_network(train, QUICK, seed=0), fit_network(train, QUICK, seed=5)
    np.testing.assert_array_equal(network.layers[0][0], again.layers[0][0])
    assert not np.array_equal(network.layers[0][0], other.layers[0][0])


def test_the_average_is_of_the_logits_of_its_parts(network: Network, train: Examples) -> None:
    def part(number: int) -> Network:
        units = slice(number * QUICK.hidden, (number + 1) * QUICK.hidden)
        (first, first_bias), (second, second_bias) = network.layers
        last = second[units] * QUICK.networks
        layers = (first[:, units], first_bias[units]), (last, second_bias)
        return replace(network, layers=layers)

    parts = [logit(part(number).probabilities(train.inputs)) for number in range(QUICK.networks)]
    whole = logit(network.probabilities(train.inputs))
    np.testing.assert_allclose(np.mean(parts, axis=0), whole, atol=1e-4)


def test_an_input_far_beyond_what_was_learnt_counts_no_more_than_the_bound(
    network: Network, train: Examples
) -> None:
    at_bound = train.inputs[:5].copy()
    at_bound[:, -1] = network.high[-1]
    beyond = at_bound.copy()
    beyond[:, -1] = 1e6
    np.testing.assert_array_equal(network.probabilities(beyond), network.probabilities(at_bound))


@pytest.mark.parametrize(("label", "low", "high"), [(0.0, 0.0, 0.3), (1.0, 0.7, 1.0)])
def test_a_tier_with_one_class_is_learnt_as_such(
    train: Examples, label: float, low: float, high: float
) -> None:
    adequate = train.adequate.copy()
    adequate[:, 2] = label
    network = fit_network(replace(train, adequate=adequate), QUICK, seed=0)
    mean = network.probabilities(train.inputs)[:, 2].mean()
    assert low <= mean <= high
