"""The network member: what it gives, what it looks at, and that averaging it is exact."""

from dataclasses import replace

import numpy as np
import pytest

from training.candidates import log_loss
from training.labels import Examples
from training.members import logit
from training.network import Network, NetworkSettings, fit_network

QUICK = NetworkSettings(networks=2, hidden=8, penalty=1.0)


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
    assert network.first.shape == (train.inputs.shape[1], QUICK.networks * QUICK.hidden)
    assert network.second.shape == (QUICK.networks * QUICK.hidden, train.adequate.shape[1])
    for numbers in (network.low, network.high, network.first, network.second, network.second_bias):
        assert numbers.dtype == np.float32


def test_a_seed_repeats_it_and_another_one_does_not(network: Network, train: Examples) -> None:
    again, other = fit_network(train, QUICK, seed=0), fit_network(train, QUICK, seed=5)
    np.testing.assert_array_equal(network.first, again.first)
    assert not np.array_equal(network.first, other.first)


def test_the_average_is_of_the_logits_of_its_parts(network: Network, train: Examples) -> None:
    def part(number: int) -> Network:
        units = slice(number * QUICK.hidden, (number + 1) * QUICK.hidden)
        return replace(
            network,
            first=network.first[:, units],
            first_bias=network.first_bias[units],
            second=network.second[units] * QUICK.networks,
        )

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
