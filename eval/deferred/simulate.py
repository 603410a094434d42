"""One run: jobs through the real store and real files, minute by minute, with crashes.

The operator of the simulation is the script that documents tell people to write: it asks the
provider whether a file was sent, and goes on a minute after every crash.
"""

import heapq
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from eval.deferred.crashes import BOUNDARIES, Crash, CrashingDatabase, CrashingOutbox, CrashPlan
from eval.deferred.jobs import DAY_S, Drawn, draw_jobs
from eval.deferred.measured import Run, log_ends, measured
from eval.deferred.provider import (
    Delivery,
    Faults,
    Provider,
    answer_line,
    drawn,
    sync_failure,
)
from router.batch.collect import collect, tidy
from router.batch.formats import read_results
from router.batch.store import JobStore
from router.deferred.ways import CompletionTimes
from router.errors import BatchError
from router.types import Deployment

MINUTE_S = 60.0
_COLLECT_EVERY = 10
_DUE_WITHIN_S = 2 * MINUTE_S
_AGAIN_AFTER_S = 5 * MINUTE_S
_MOST_FAILURES = 5
_DAYS = 8
_OPEN = ("waiting", "filed", "sync")


@dataclass(frozen=True, slots=True)
class Setting:
    """What happens in a run.

    Attributes:
        faults: Of providers.
        crash_rate: Probability of dying at each commit, twice, and at each file, three times.
        batch_slowness: True over stated batch times.
        sync_slowness: True over stated times of calls at once.
        margin_s: As the catalog would state it.
    """

    faults: Faults
    crash_rate: float = 0.0
    batch_slowness: float = 1.0
    sync_slowness: float = 1.0
    margin_s: float = 0.0


def simulate(
    of: Sequence[Deployment], confidence: float, setting: Setting, count: int, seed: int
) -> Run:
    """Run so many jobs from arrival to their end."""
    rng = np.random.default_rng(seed)
    jobs, n_drawn = draw_jobs(of, confidence, count, rng, setting.margin_s)
    with tempfile.TemporaryDirectory() as directory:
        world = _World(of, setting, jobs, Path(directory), rng)
        for tick in range(int(_DAYS * DAY_S / MINUTE_S)):
            world.tick(tick)
            if world.is_over:
                break
        world.close()
        return measured(
            world.path,
            jobs,
            n_drawn,
            list(world.providers.values()),
            world.paid_sync_usd,
            world.plan.crashes,
        )


class _World:
    """Store, providers and operator, between two ticks."""

    def __init__(
        self,
        of: Sequence[Deployment],
        setting: Setting,
        jobs: Sequence[Drawn],
        directory: Path,
        rng: np.random.Generator,
    ) -> None:
        self._rng, self._setting, self._directory = rng, setting, directory
        self.path = directory / "jobs.sqlite3"
        self._limits = {item.id: item.batch_file for item in of if item.batch_file}
        self._stated = {item.id: item.completion for item in of if item.completion}
        self._jobs, self._coming = {one.job.custom_id: one for one in jobs}, deque(jobs)
        self.plan = CrashPlan(self._dies)
        self.providers = {
            name: Provider(_slower(times.batch, setting.batch_slowness), setting.faults, rng)
            for name, times in self._stated.items()
            if times.batch is not None
        }
        self._fetched: list[tuple[float, int, Delivery]] = []
        self._answers: list[tuple[float, int, str]] = []
        self._count = 0
        self._is_new = False
        self.paid_sync_usd = dict.fromkeys(self._jobs, 0.0)
        self._store = self._open()
        log_ends(self.path)

    def tick(self, tick: int) -> None:
        """Let a minute pass."""
        now = tick * MINUTE_S
        self._try(lambda: self._add(now))
        self._try(lambda: self._collect(now, is_time=tick % _COLLECT_EVERY == 0))
        self._try(lambda: self._fetch(now))
        self._try(lambda: self._ask_due(now))
        self._try(lambda: self._record_answers(now))

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way any more."""
        if self._coming or self._fetched or self._answers:
            return False
        counts = self._store.counts(0.0)
        return not any(count for (_, state), count in counts.items() if state in _OPEN)

    def _dies(self, place: str) -> bool:
        rate = self._setting.crash_rate
        if place == "before SELECT":
            return False  # nothing is written there
        if place not in BOUNDARIES:
            rate /= 500.0  # there are hundreds of statements to a commit
        return bool(rate and self._rng.random() < rate)

    def _open(self) -> JobStore:
        self.plan.restart()
        return JobStore(self.path, partial(CrashingDatabase, plan=self.plan))

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Crash:
            self._store.close()
            self._store = self._open()
            self._answers.clear()  # calls under way die with the process, and are paid
            self._is_new = True

    def _add(self, now: float) -> None:
        ready: list[Drawn] = []
        while len(ready) < len(self._coming) and self._coming[len(ready)].at <= now:
            ready.append(self._coming[len(ready)])
        if ready:
            self._store.add([one.job for one in ready], _MOST_FAILURES, now)
            for _ in ready:  # only once they are kept; after a crash they are added again
                self._coming.popleft()

    def _collect(self, now: float, *, is_time: bool) -> None:
        # What was handed out before a crash: the provider knows whether it was sent.
        for file in self._store.files("ready"):
            self._send(self._directory / file.name, now)
        if is_time:
            outbox = CrashingOutbox(self._directory, self.plan)
            for path in collect(self._store, outbox, self._limits, now):
                self._send(path, now)

    def _send(self, path: Path, now: float) -> None:
        name = path.name
        deployment = next(file.deployment for file in self._store.files() if file.name == name)
        provider = self.providers[deployment]
        if name not in provider.batches:
            for delivery in provider.take(path, now):
                # Ids are one provider's; here both share a store.
                known = replace(delivery, batch_id=f"{deployment}/{delivery.batch_id}")
                self._push(self._fetched, known.at, known)
        batch_id = provider.batches[name]
        if batch_id:
            self._store.sent(name, f"{deployment}/{batch_id}")
        else:
            self._store.failed(name, "refused", now)

    def _fetch(self, now: float) -> None:
        while self._fetched and self._fetched[0][0] <= now:
            delivery = self._fetched[0][2]
            path = self._directory / "results"
            path.write_text("".join(line + "\n" for line in delivery.lines), encoding="utf-8")
            found, last = read_results(path), delivery.is_last
            try:
                self._store.results(delivery.batch_id, found, now, are_last=last)
            except BatchError:  # a crash before it was noted as sent: the next minute knows it
                break
            heapq.heappop(self._fetched)  # only once they are recorded
        tidy(self._store, CrashingOutbox(self._directory, self.plan))

    def _ask_due(self, now: float) -> None:
        # A new process has no calls under way, so all that was handed over is asked again.
        again_after = 0.0 if self._is_new else _AGAIN_AFTER_S
        due = self._store.due(now, _DUE_WITHIN_S, again_after)
        self._is_new = False
        for one in due:
            sync = _slower(self._stated[one.deployment].sync, self._setting.sync_slowness)
            took = drawn(sync, self._rng)
            if self._rng.random() < self._setting.faults.sync_failed:
                self._push(self._answers, now + 1.0, sync_failure(one.custom_id))
            elif took < float("inf"):  # one that hangs is asked again
                self.paid_sync_usd[one.custom_id] += self._jobs[one.custom_id].sync_usd
                line = answer_line(one.custom_id, "sync", is_anthropic=False)
                self._push(self._answers, now + took, line)

    def _record_answers(self, now: float) -> None:
        lines = [line for at, _, line in self._answers if at <= now]
        if lines:
            path = self._directory / "results"
            path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
            self._store.sync_results(read_results(path), now)
            while self._answers and self._answers[0][0] <= now:
                heapq.heappop(self._answers)

    def _push(self, heap: list[tuple[float, int, Any]], at: float, thing: Any) -> None:
        self._count += 1
        heapq.heappush(heap, (at, self._count, thing))

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def _slower(times: CompletionTimes, factor: float) -> CompletionTimes:
    return replace(times, seconds=tuple(factor * seconds for seconds in times.seconds))
