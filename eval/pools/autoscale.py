"""A simple autoscaler of a pool, in virtual time: target tracking with a slow way down.

So many replicas are wanted that requests waiting and under way fill ``target`` of their places,
which is what the manifests in ``deploy/kubernetes/pools`` ask for. A new one serves after its start
and is paid from the order on; fewer run only once no look of the last ``calm_s`` wanted more.
"""

from collections import deque
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """How a pool is scaled.

    Attributes:
        least: Replicas at least, >= 1.
        most: Replicas at most.
        target: Requests in the pool over its places that is aimed at, > 0.
        every_s: Time between looks.
        start_s: From the order of a replica until it serves.
        calm_s: How long less must have been wanted before a replica goes.
    """

    least: int = 1
    most: int = 4
    target: float = 0.7
    every_s: float = 15.0
    start_s: float = 120.0
    calm_s: float = 300.0


class Scaling:
    """The replicas of a pool, as an autoscaler moves them.

    Args:
        how: The autoscaler.
        places: Requests under way at once on one replica at its stated throughput.
        replicas: That run at the beginning.

    Attributes:
        running: Replicas that serve.
        ordered: How many replicas were ordered after the beginning.
    """

    def __init__(self, how: Autoscaler, places: int, replicas: int) -> None:
        self._how, self._places = how, places
        self.running = min(max(replicas, how.least), how.most)
        self.ordered = 0
        self._starting: deque[float] = deque()
        self._wanted: deque[tuple[float, int]] = deque()

    @property
    def paid(self) -> int:
        """Replicas that run or start."""
        return self.running + len(self._starting)

    def look(self, now: float, occupancy: float) -> None:
        """Order or give back replicas.

        Args:
            now: Seconds; must not go back.
            occupancy: Requests waiting and under way in the pool.
        """
        how = self._how
        while self._starting and self._starting[0] <= now:
            self._starting.popleft()
            self.running += 1
        wanted = ceil(occupancy / (how.target * self._places))
        wanted = min(max(wanted, how.least), how.most)
        self._wanted.append((now, wanted))
        while self._wanted[0][0] < now - how.calm_s:
            self._wanted.popleft()
        for _ in range(wanted - self.paid):
            self._starting.append(now + how.start_s)
            self.ordered += 1
        calm = max(count for _, count in self._wanted)
        while self.paid > calm:
            if self._starting:
                self._starting.pop()
            else:
                self.running -= 1
