"""What happens when in a run: requests, readings, looks at the pool and its scale."""

from collections.abc import Iterator

import numpy as np

from eval.arrays import FloatArray
from eval.pools.run import Setting
from eval.pools.traffic import Traffic

_LOOK_EVERY_S = 5.0
_WAITS_EVERY_S = 5.0
WAITING, LOOK, POLL, SCALE = -4, -3, -2, -1


def events(
    phases: FloatArray, setting: Setting, traffic: Traffic
) -> Iterator[tuple[float, int, int]]:
    """Yield when something happens, what (a request's number, or below 0), and to which router.

    Args:
        phases: Of each router, in [0, 1): when in an interval it reads.
        setting: How often.
        traffic: What comes.
    """
    polls = _polls(phases, setting, traffic.seconds)
    looks = np.arange(_LOOK_EVERY_S, traffic.seconds, _LOOK_EVERY_S)
    how = setting.autoscaler
    scales = np.empty(0) if how is None else np.arange(how.every_s, traffic.seconds, how.every_s)
    waits = np.empty(0)
    if traffic.deadlines is not None:
        waits = np.arange(_WAITS_EVERY_S, traffic.seconds, _WAITS_EVERY_S)
    times = np.concatenate([looks, polls[:, 0], scales, waits, traffic.at])
    n = traffic.at.size
    what = np.concatenate(
        [
            np.repeat(
                [LOOK, POLL, SCALE, WAITING], [looks.size, len(polls), scales.size, waits.size]
            ),
            np.arange(n),
        ]
    )
    which = np.zeros(times.size, dtype=np.int64)
    which[looks.size : looks.size + len(polls)] = polls[:, 1]
    which[times.size - n :] = traffic.router
    order = np.argsort(times, kind="stable")
    yield from zip(times[order].tolist(), what[order].tolist(), which[order].tolist(), strict=True)


def _polls(phases: FloatArray, setting: Setting, seconds: float) -> FloatArray:
    """Return (n, 2) rows of when and which router reads."""
    rows = [
        (at, router)
        for router, phase in enumerate(phases.tolist())
        for at in np.arange(phase * setting.interval_s, seconds, setting.interval_s).tolist()
    ]
    return np.array(sorted(rows))
