"""Policies on the same sessions: what each really costs, and how adequate its choices were.

The router's are its own engine with and without its knowledge of caches. With a quality target
costs compare at equal quality; with a willingness to pay, what the answers are worth less what they
cost.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from eval.caches.sessions import ProviderCache, Scenario, Turn, draw_session
from router.cost.warmth import PromptCaches
from router.engine import Engine
from router.errors import RouterError
from router.types import Goal, Message, Prediction, Request

TEXT = (Message("user", "turn"),)


class Served(NamedTuple):
    """What one policy did with one session."""

    cost_usd: float
    adequacy: float
    switches: int
    turns: int
    rewritten_usd: float


@dataclass(slots=True)
class Clock:
    """Virtual time in seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def simulate(
    engine: Engine, goal: Goal, scenario: Scenario, sessions: int, true_hit_rate: float, seed: int
) -> dict[str, list[Served]]:
    """Return what each policy did with each session, in the same order.

    "aware" knows of caches, "blind" prices every turn as if nothing were cached, "stay" keeps the
    blind choice of a session's first turn as long as the goal is met there and chooses anew, blind,
    when it is not.
    """
    rng = np.random.default_rng(seed)
    tiers = len(engine.catalog.tiers)
    drawn = [draw_session(rng, scenario, tiers) for _ in range(sessions)]
    clock = Clock()
    caches = PromptCaches(engine.catalog.deployments, clock=clock)
    aware, blind = replace(engine, caches=caches), replace(engine, caches=None)
    results: dict[str, list[Served]] = {"aware": [], "blind": [], "stay": []}
    for number, turns in enumerate(drawn):
        clock.now += 1e6  # sessions share nothing but the hit rates learnt
        for name, one in (("aware", aware), ("blind", blind), ("stay", blind)):
            chance = np.random.default_rng([seed, number])
            session = _Session(one, goal, str(number), clock if name == "aware" else None)
            results[name].append(session.run(turns, true_hit_rate, chance, stay=name == "stay"))
    return results


class _Session:
    def __init__(self, engine: Engine, goal: Goal, name: str, clock: Clock | None) -> None:
        self._engine, self._goal, self._name, self._clock = engine, goal, name, clock

    def run(
        self, turns: list[Turn], true_hit_rate: float, chance: np.random.Generator, *, stay: bool
    ) -> Served:
        start = self._clock.now if self._clock is not None else 0.0
        providers = {
            item.id: ProviderCache(item.prompt_cache, true_hit_rate)
            for item in self._engine.catalog.deployments
            if item.prompt_cache is not None
        }
        total, adequacy, switches, rewritten, here = 0.0, 0.0, 0, 0.0, ""
        for turn in turns:
            if self._clock is not None:
                self._clock.now = start + turn.at
            request = Request(TEXT, self._goal, session_id=self._name)
            prediction = Prediction(turn.adequacy, turn.output_tokens)
            decision = self._engine.decide(request, prediction, turn.input_tokens)
            chosen = decision.chosen
            if stay and here:
                (kept,) = (e for e in decision.estimates if e.deployment.id == here)
                if kept.adequacy >= (self._goal.quality_target or 0.0):
                    chosen = kept
            name, price = chosen.deployment.id, chosen.deployment.price
            if price is None:
                raise RouterError(f"{name} was chosen and has no price")
            if here and name != here:
                switches += 1
                rates = price.rates(turn.input_tokens)
                premium = max(rates.cache_write_5m, rates.uncached_input) - rates.cache_read
                rewritten += turn.input_tokens * premium / 1e6
            tier = self._engine.catalog.tier_names.index(chosen.deployment.tier)
            usd, read = providers[name].cost_usd(price, turn, tier, chance)
            caches = self._engine.caches
            if caches is not None:
                if chosen.cache_use is not None and chosen.cache_use.warm_tokens:
                    caches.report(name, chosen.cache_use.warm_tokens, read)
                caches.used(self._name, name, turn.input_tokens)
            total, adequacy, here = total + usd, adequacy + chosen.adequacy, name
        return Served(total, adequacy, switches, len(turns), rewritten)
