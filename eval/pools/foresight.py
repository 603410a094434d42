"""What no router can save: the API bill if all that comes were known beforehand.

A relaxation, not a router: minute by minute the pool serves whatever saves most for its work, as
much as it can at its fullest, whatever its KV cache holds and whenever in the minute it comes.
"""

import numpy as np

from eval.pools.market import STUDIED
from eval.pools.plant import PlantSpec
from eval.pools.traffic import Traffic
from router.cost.estimate import expected_cost_usd

_WINDOW_S = 60.0


def least_api_usd(traffic: Traffic, spec: PlantSpec) -> float:
    """Return the least API bill in USD, >= 0, of the studied market's traffic.

    Args:
        traffic: What comes; its true lengths are known.
        spec: The pool as it is.
    """
    most = spec.most_under_way
    per_s = spec.replicas * most / (spec.step_s + most * spec.step_per_request_s)
    work = traffic.output_tokens[:, 0] + spec.prefill_share * traffic.input_tokens
    cost = np.min(
        [
            np.where(traffic.adequacy[:, tier] >= (STUDIED.goal.quality_target or 0.0), usd, np.inf)
            for item, tier in zip(STUDIED.deployments, STUDIED.tiers, strict=True)
            if item.price is not None
            for usd in [
                [
                    expected_cost_usd(item.price, one_in, one_out)
                    for one_in, one_out in zip(
                        traffic.input_tokens.tolist(),
                        traffic.output_tokens[:, tier].tolist(),
                        strict=True,
                    )
                ]
            ]
        ],
        axis=0,
    )
    window = (traffic.at // _WINDOW_S).astype(np.int64)
    total = 0.0
    for one in np.unique(window):
        places = np.flatnonzero(window == one)
        order = places[np.argsort(-cost[places] / work[places])]  # what saves most comes first
        before = np.cumsum(work[order]) - work[order]
        room = np.clip((per_s * _WINDOW_S - before) / work[order], 0.0, 1.0)
        total += float(cost[order] @ (1.0 - room))
    return total
