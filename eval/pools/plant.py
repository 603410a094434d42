"""A model of a pool of inference servers with continuous batching, in virtual time.

Requests under way on a replica share it: every step gives each of them one token and takes a fixed
time (reading the weights) and a time per request. A prompt counts as a fraction of its tokens. Who
finds no place, or no room in the KV cache, waits first come, first served. Replicas are equally
full at all times. The model is ours; its figures stand in the records below.
"""

import heapq
from collections import deque
from dataclasses import dataclass
from math import inf

from router.cost.pools.engines import Reading
from router.cost.pools.pool import LoadSource, Pool, Throughput


@dataclass(frozen=True, slots=True)
class PlantSpec:
    """One replica, and how many there are.

    Attributes:
        replicas: Equal ones.
        step_s: Time of a decoding step, whoever is in it: weights once through memory.
        step_per_request_s: More time of it for each request under way.
        prefill_share: What an input token costs of an output token.
        most_under_way: Requests one replica takes at once.
        kv_tokens: Tokens the KV cache of one replica holds; infinite where it never binds.
        gpu_usd_per_hour: Of one replica.
        fixed_usd_per_hour: Of the whole pool, however many replicas run.
    """

    replicas: int = 2
    step_s: float = 0.0105
    step_per_request_s: float = 0.00004
    prefill_share: float = 0.125
    most_under_way: int = 80
    kv_tokens: float = 200_000
    gpu_usd_per_hour: float = 5.9
    fixed_usd_per_hour: float = 0.0

    def stated(self, concurrency: int, optimism: float, source: LoadSource) -> Pool:
        """Return the pool as its operator would state it.

        Args:
            concurrency: Requests under way on a replica at which its throughput is stated.
            optimism: Stated over true throughput.
            source: How its load is judged.
        """
        decode = concurrency / (self.step_s + concurrency * self.step_per_request_s) * optimism
        return Pool(
            name="pool",
            replicas=self.replicas,
            gpus_per_replica=1,
            usd_per_gpu_hour=self.gpu_usd_per_hour,
            throughput=Throughput(decode / self.prefill_share, decode, concurrency),
            load=source,
        )


@dataclass(slots=True)
class _Waiting:
    at: float
    work: float
    tokens: float
    by: float


class Plant:
    """The state of the pool at ``now``; it only goes forward.

    Attributes:
        now: Seconds.
        replicas: That run now.
        delays: Time each request that has begun had to wait, in seconds, in the order of beginning.
        served: Work done, in output tokens.
        missed: Requests that ended after they were needed.
    """

    def __init__(self, spec: PlantSpec) -> None:
        self._spec = spec
        self.replicas = spec.replicas
        self._held = 0.0
        # All streams run equally fast, so each ends when their common count of steps is reached.
        self._steps = 0.0
        self._ends: list[tuple[float, float, float]] = []
        self._queue: deque[_Waiting] = deque()
        self.now = 0.0
        self.delays: list[float] = []
        self.served = 0.0
        self.missed = 0

    def advance(self, until: float) -> None:
        """Let time pass."""
        while self._ends:
            step = self._step()
            end, tokens, by = self._ends[0]
            at = self.now + (end - self._steps) * step
            if at > until:
                break
            self.served += (end - self._steps) * len(self._ends)
            self.now, self._steps = at, end
            self.missed += at > by
            heapq.heappop(self._ends)
            self._held -= tokens
            self._begin()
        passed = (until - self.now) / self._step()
        self.served += passed * len(self._ends)
        self._steps += passed
        self.now = until

    def resize(self, replicas: int) -> None:
        """Let so many replicas (>= 1) run from now on; whoever is under way goes on."""
        self.replicas = replicas
        self._begin()

    def submit(self, input_tokens: float, output_tokens: float, by: float = inf) -> None:
        """Take a request now, whose answer is needed by a time."""
        work = output_tokens + input_tokens * self._spec.prefill_share
        self._queue.append(_Waiting(self.now, work, input_tokens + output_tokens, by))
        self._begin()

    def reading(self) -> Reading:
        """Return what its metrics tell now."""
        room = self.replicas * self._spec.kv_tokens
        return Reading(len(self._queue), len(self._ends), min(self._held / room, 1.0))

    @property
    def occupancy(self) -> float:
        """Requests waiting and under way."""
        return len(self._queue) + len(self._ends)

    def still_waiting(self) -> list[float]:
        """Return how long those have waited that have not begun, in seconds."""
        return [self.now - one.at for one in self._queue]

    def _step(self) -> float:
        spec = self._spec
        return spec.step_s + spec.step_per_request_s * len(self._ends) / self.replicas

    def _begin(self) -> None:
        queue, spec = self._queue, self._spec
        places, room = self.replicas * spec.most_under_way, self.replicas * spec.kv_tokens
        while queue and len(self._ends) < places:
            first = queue[0]
            if self._held + first.tokens > room and self._ends:
                return
            queue.popleft()
            self._held += first.tokens
            self.delays.append(self.now - first.at)
            heapq.heappush(self._ends, (self._steps + first.work, first.tokens, first.by))
