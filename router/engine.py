"""The straight line of a decision: predict, ask who may serve, price, choose.

Everything read here is immutable, so calls take no lock; a new artifact or catalog is a new
``Engine``. Nothing here knows gRPC.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from router.catalog import Catalog
from router.constraints import no_candidate
from router.contract_choice import applicable, choose_covered_first, needs_topic, terms_of
from router.cost.counting import TokenCounter, conversation_tokens
from router.cost.later import as_priced, less_later
from router.cost.pools.live import LivePools, live_pools
from router.cost.ratio import LearntRatios
from router.cost.tokens import TextKind, estimate_conversation_tokens, kind_of
from router.cost.warmth import CacheMemory, PromptCaches
from router.deferred.choice import asked_later, by_deadline
from router.errors import RouterError
from router.estimator import Estimator
from router.fit import check_fit
from router.ids import new_id
from router.laps import Lap, no_lap
from router.line import Line, line_of
from router.policy import choose, savings_baseline
from router.predict.artifact import Artifact
from router.predict.predictor import predict_all, predict_one
from router.predict.reading import read, read_all
from router.predict.window import window
from router.promise.contract import ContractTerms, always_top
from router.promise.suspended import Suspensions
from router.types import Contract, Decision, DecisionReason, Goal, Prediction, Request


@dataclass(frozen=True, slots=True)
class Engine:
    """An artifact and a catalog that fit each other.

    Attributes:
        artifact: Predicts for the catalog's tiers, in ``artifact.tier_names`` order.
        catalog: Tiers and deployments.
        tier_index: For each deployment of the catalog, its tier's column in a prediction.
        suspensions: Contracts found broken. This and what follows may change while serving.
        counter: How each deployment counts what is estimated.
        caches: Providers' prompt caches; None if no deployment has one.
        pools: Prices of deployments on pools, by live load; None if there is none.
        estimator: All of this, made for pricing.
        line: And for deciding usual requests in the compiled kernel; None without one.
    """

    artifact: Artifact
    catalog: Catalog
    tier_index: tuple[int, ...]
    suspensions: Suspensions = field(default_factory=Suspensions)
    counter: TokenCounter = field(default_factory=TokenCounter)
    caches: PromptCaches | None = None
    pools: LivePools | None = None
    estimator: Estimator = field(init=False, repr=False, compare=False)
    line: Line | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        estimator = Estimator(
            self.catalog.deployments, self.tier_index, self.counter, self.caches, self.pools
        )
        object.__setattr__(self, "estimator", estimator)
        object.__setattr__(self, "line", line_of(self.artifact, self.catalog, estimator))

    def route(self, request: Request, lap: Lap = no_lap) -> Decision:
        """Decide one request.

        Args:
            request: What is asked.
            lap: Told as each stage ends.

        Raises:
            NoCandidateError: no deployment may serve it.
        """
        if self.line is not None:
            laps = None if lap is no_lap else lap
            if made := self.line.decide(request, self.resolve_goal, laps):
                return made
        goal, reading = self.resolve_goal(request.goal), read(window(request.messages))
        lap("read")
        if needs_topic(goal):  # the vector is needed, which the fused graph does not give
            (prediction,) = predict_all(self.artifact, [reading], topics=True)
        else:
            prediction = predict_one(self.artifact, reading, lap)
        tokens = conversation_tokens(request.messages, reading)
        return self._choose(request, goal, prediction, tokens, kind_of(reading), lap)

    def route_many(self, requests: Sequence[Request]) -> list[Decision | RouterError]:
        """Decide many requests with one pass of the predictor; errors stand in their place."""
        results: list[Decision | RouterError | None] = [
            None if self.line is None else self.line.decide(one, self.resolve_goal)
            for one in requests
        ]
        left = [place for place, made in enumerate(results) if made is None]
        decided = iter(self._decide_many([requests[place] for place in left]))
        return [next(decided) if made is None else made for made in results]

    def _decide_many(self, requests: Sequence[Request]) -> list[Decision | RouterError]:
        """Decide requests that the line does not."""
        readings = read_all([window(request.messages) for request in requests])
        goals = [self.resolve_goal(request.goal) for request in requests]
        topics = any(map(needs_topic, goals))
        predictions = predict_all(self.artifact, readings, topics=topics)
        results: list[Decision | RouterError] = []
        for request, reading, goal, prediction in zip(
            requests, readings, goals, predictions, strict=True
        ):
            tokens, kind = conversation_tokens(request.messages, reading), kind_of(reading)
            try:
                results.append(self._choose(request, goal, prediction, tokens, kind, no_lap))
            except RouterError as error:
                results.append(error)
        return results

    def decide(
        self,
        request: Request,
        prediction: Prediction,
        input_tokens: float | None = None,
        kind: TextKind | None = None,
    ) -> Decision:
        """Decide from a prediction that is already there.

        Args:
            request: What is asked.
            prediction: Of its messages, with their topic for a contract per topic.
            input_tokens: Known input tokens; None estimates them from the messages.
            kind: Of their text, where ``input_tokens`` are an estimate: ratios apply to those only.

        Raises:
            NoCandidateError: no deployment may serve it.
            NotCalibratedError: a contract is asked for, and the artifact vouches for none.
        """
        if input_tokens is None:
            input_tokens = estimate_conversation_tokens(m.content for m in request.messages)
        goal = self.resolve_goal(request.goal)
        return self._choose(request, goal, prediction, input_tokens, kind, no_lap)

    def _choose(
        self,
        request: Request,
        goal: Goal,
        prediction: Prediction,
        input_tokens: float,
        kind: TextKind | None,
        lap: Lap,
    ) -> Decision:
        estimates = self.estimator.estimates(request, goal, prediction, input_tokens, kind)
        schedule = None
        if request.deadline is not None:
            estimates, schedule = by_deadline(estimates, request.deadline, goal.max_cost_usd)
        lap("price")
        eligible = [estimate for estimate in estimates if not estimate.ineligible]
        if not eligible:
            raise no_candidate(estimates)
        terms = None
        rated = less_later(eligible) if request.session_id and not schedule else eligible
        if goal.contract is None:
            chosen, reason = choose(rated, goal)
        else:
            names = self.artifact.tier_names
            terms, suspended = self.terms_in_force(goal.contract, prediction.topic)
            terms = applicable(terms, rated, names)
            chosen, reason = choose_covered_first(rated, terms, prediction.adequacy, names)
            if suspended and reason is DecisionReason.CONTRACT_KEPT:
                reason = DecisionReason.CONTRACT_SUSPENDED
        chosen = as_priced(chosen, rated, eligible)
        if self.pools is not None and not asked_later(schedule, estimates, chosen):
            self.pools.took(chosen, estimates)
        return Decision(  # by place: names cost a microsecond here
            new_id(),
            chosen,
            reason,
            goal,
            estimates,
            savings_baseline(eligible),
            self.artifact.manifest.version,
            self.catalog.version,
            terms,
            prediction.novelty,
            input_tokens,
            kind,
            schedule,
        )

    def contract_terms(self, contract: Contract, topic: int | None = None) -> ContractTerms:
        """Return what the artifact's calibration can vouch for, suspended or not.

        Args:
            contract: What is to be promised.
            topic: Of the prompt; a contract per topic needs it, another ignores it.

        Raises:
            NotCalibratedError: see ``router.contract_choice.terms_of``.
        """
        return terms_of(self.artifact, self.catalog.version, contract, topic)

    def terms_in_force(
        self, contract: Contract, topic: int | None = None
    ) -> tuple[ContractTerms, bool]:
        """Return the terms that apply now, and whether the contract is suspended.

        Args:
            contract: What is promised.
            topic: As for ``contract_terms``.

        Raises:
            NotCalibratedError: as ``contract_terms``.
        """
        terms = self.contract_terms(contract, topic)
        suspended = (contract, terms.topic) in self.suspensions
        return (always_top(terms) if suspended else terms), suspended

    def resolve_goal(self, goal: Goal | None) -> Goal:
        """Return the goal that applies: the request's, with the default for what it leaves out."""
        default = self.catalog.default_goal
        if goal is None:
            return default
        limit = default.max_cost_usd if goal.max_cost_usd is None else goal.max_cost_usd
        stated = goal if goal.rules() else default
        return stated if limit == stated.max_cost_usd else replace(stated, max_cost_usd=limit)


def build_engine(
    artifact: Artifact,
    catalog: Catalog,
    learnt: LearntRatios | None = None,
    memory: CacheMemory | None = None,
) -> Engine:
    """Join an artifact and a catalog.

    Args:
        artifact: Predicts.
        catalog: Its deployments are chosen from.
        learnt: Ratios of token counts, shared with other engines; None begins without any.
        memory: What sessions left in providers' caches, shared likewise; None begins cold.

    Raises:
        ArtifactError: they do not fit; see ``check_fit``.
        CatalogError: a deployment's tokenizer cannot be read.
    """
    check_fit(artifact, catalog)
    columns = tuple(artifact.tier_names.index(item.tier) for item in catalog.deployments)
    counter = TokenCounter(catalog.deployments, learnt)
    caches = PromptCaches(catalog.deployments, memory) or None
    pools = live_pools(catalog.deployments, catalog.pools)
    return Engine(artifact, catalog, columns, counter=counter, caches=caches, pools=pools)
