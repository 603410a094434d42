"""Which prompts to label next, so that a profile learns most about the traffic they come from.

Two ways: by clusters (the widest interval times the share of traffic), and by the profile's own
posterior (the greatest drop of its mean variance over the traffic, a greedy V-optimal design:
Atkinson and Donev 1992, "Optimum Experimental Designs"). Both are compared with picks at random in
docs/onboarding.md. No outcome of a picked prompt is looked at.
"""

from collections.abc import Callable

import numpy as np

from eval.arrays import FloatArray, IntArray
from training.members import clip, logit
from training.onboard.ability import Ability
from training.onboard.rivals import Prompts

Pick = Callable[[Ability, Prompts, Prompts, int], IntArray]
"""Profile so far, labelled prompts, unlabelled prompts, how many -> rows of the unlabelled."""

_Z_95 = 1.96


def by_variance(ability: Ability, known: FloatArray, count: int) -> IntArray:
    """Pick greedily what lowers the mean variance of P(adequate) over the pool most.

    Args:
        ability: Profile of the labels so far; of none at all it is the prior.
        known: (n, T) adequacy of the known tiers on unlabelled prompts that stand for the traffic.
        count: How many, at most as many as there are.

    Returns:
        (count,) distinct rows, the most useful first.
    """
    design = np.column_stack([logit(clip(known)), np.ones(len(known))])
    chance = ability.adequacy(known)
    information = chance * (1.0 - chance)
    slopes = design * information[:, None]
    wanted = slopes.T @ slopes / len(design)
    covariance = ability.posterior.covariance.copy()
    free = np.ones(len(design), dtype=np.bool_)
    picked = []
    for _number in range(min(count, len(design))):
        reach = design @ covariance
        own = information * np.einsum("np,np->n", reach, design)
        gain = information * np.einsum("np,pq,nq->n", reach, wanted, reach) / (1.0 + own)
        best = int(np.argmax(np.where(free, gain, -np.inf)))
        picked.append(best)
        free[best] = False
        covariance -= information[best] * np.outer(reach[best], reach[best]) / (1.0 + own[best])
    return np.array(picked, dtype=np.int64)


def by_cluster(ability: Ability, labelled: Prompts, pool: Prompts, count: int) -> IntArray:
    """Pick from the cluster with the widest interval times the greatest share of the pool.

    A cluster's interval is that of a share of successes at the profile's mean chance there, over
    the labels it has (two are added, so that an empty cluster has a width). Within a cluster, rows
    are taken in the pool's order.

    Args:
        ability: Profile of the labels so far.
        labelled: Prompts that have a label.
        pool: Unlabelled prompts, which stand for the traffic.
        count: How many, at most as many as there are.

    Returns:
        (count,) distinct rows of ``pool``, the most useful first.
    """
    chance = ability.adequacy(pool.known)
    names = np.unique(pool.cluster)
    rows = {int(name): np.flatnonzero(pool.cluster == name).tolist() for name in names}
    mean = {name: float(chance[at].mean()) for name, at in rows.items()}
    share = {name: len(at) / len(pool.known) for name, at in rows.items()}
    asked = {name: int((labelled.cluster == name).sum()) for name in rows}

    def use(name: int) -> float:
        spread = np.sqrt(mean[name] * (1.0 - mean[name]) / (asked[name] + 2.0))
        return float(share[name] * 2.0 * _Z_95 * spread) if rows[name] else -1.0

    picked = []
    for _number in range(min(count, len(pool.known))):
        best = max(rows, key=use)
        picked.append(rows[best].pop(0))
        asked[best] += 1
    return np.array(picked, dtype=np.int64)
