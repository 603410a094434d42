"""The straight line of a decision: predict, ask who may serve, price, choose.

Everything read here is immutable, so calls take no lock; a new artifact or catalog is a new
``Engine``. Nothing here knows gRPC.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

from router.catalog import Catalog
from router.cost.estimate import expected_cost_usd
from router.cost.pools.live import LivePools, live_pools
from router.cost.tokens import TOKENS_PER_MESSAGE, estimate_conversation_tokens, tokens_of
from router.errors import ArtifactError, NoCandidateError, NotCalibratedError, RouterError
from router.policy import choose, choose_under_contract, savings_baseline
from router.predict.artifact import Artifact
from router.predict.predictor import predict_all, predict_one
from router.predict.reading import Reading, read
from router.predict.window import window
from router.promise.contract import ContractTerms, always_top
from router.promise.rule import permitted_tiers
from router.promise.suspended import Suspensions
from router.types import (
    NO_NEEDS,
    Contract,
    Decision,
    DecisionReason,
    Deployment,
    Estimate,
    Goal,
    IneligibleReason,
    Message,
    Prediction,
    Request,
)


@dataclass(frozen=True, slots=True)
class Engine:
    """An artifact and a catalog that fit each other.

    Attributes:
        artifact: Predicts for the catalog's tiers, in ``artifact.tier_names`` order.
        catalog: Tiers and deployments.
        tier_index: For each deployment of the catalog, its tier's column in a prediction.
        suspensions: Contracts found broken; this and what follows may change while serving.
        pools: Prices of deployments on pools, by live load; None if there is none.
    """

    artifact: Artifact
    catalog: Catalog
    tier_index: tuple[int, ...]
    suspensions: Suspensions = field(default_factory=Suspensions)
    pools: LivePools | None = None

    def route(self, request: Request) -> Decision:
        """Decide one request.

        Raises:
            NoCandidateError: no deployment may serve it.
        """
        reading = read(window(request.messages))
        prediction = predict_one(self.artifact, reading)
        return self.decide(request, prediction, _input_tokens(request.messages, reading))

    def route_many(self, requests: Sequence[Request]) -> list[Decision | RouterError]:
        """Decide many requests with one pass of the predictor; errors stand in their place."""
        readings = [read(window(request.messages)) for request in requests]
        predictions = predict_all(self.artifact, readings)
        results: list[Decision | RouterError] = []
        for request, reading, prediction in zip(requests, readings, predictions, strict=True):
            input_tokens = _input_tokens(request.messages, reading)
            try:
                results.append(self.decide(request, prediction, input_tokens))
            except RouterError as error:
                results.append(error)
        return results

    def decide(
        self, request: Request, prediction: Prediction, input_tokens: float | None = None
    ) -> Decision:
        """Decide from a prediction that is already there.

        Args:
            request: What is asked.
            prediction: Of the request's messages.
            input_tokens: Known input tokens; None estimates them from the messages.

        Raises:
            NoCandidateError: no deployment may serve it.
        """
        if input_tokens is None:
            input_tokens = estimate_conversation_tokens(m.content for m in request.messages)
        goal = self.resolve_goal(request.goal)
        estimates = self.estimates(request, goal, prediction, input_tokens)
        eligible = [estimate for estimate in estimates if not estimate.ineligible]
        if not eligible:
            raise _no_candidate(estimates)
        terms = None
        if goal.contract is None:
            chosen, reason = choose(eligible, goal)
        else:
            terms = self.contract_terms(goal.contract)
            suspended = goal.contract in self.suspensions
            if suspended:
                terms = always_top(terms)
            allowed = permitted_tiers(prediction.adequacy, terms.threshold)
            names = compress(self.artifact.tier_names, allowed)
            chosen, reason = choose_under_contract(eligible, frozenset(names))
            if suspended and reason is DecisionReason.CONTRACT_KEPT:
                reason = DecisionReason.CONTRACT_SUSPENDED
        if self.pools is not None:
            self.pools.took(chosen)
        return Decision(
            decision_id=os.urandom(16).hex(),
            chosen=chosen,
            reason=reason,
            goal=goal,
            estimates=estimates,
            dearest=savings_baseline(eligible),
            artifact_version=self.artifact.version,
            catalog_version=self.catalog.version,
            contract_terms=terms,
            novelty=prediction.novelty,
        )

    def contract_terms(self, contract: Contract) -> ContractTerms:
        """Return what the artifact's calibration can vouch for, suspended or not.

        Raises:
            NotCalibratedError: the artifact has not been calibrated.
        """
        if self.artifact.promise is None:
            raise NotCalibratedError(
                f"goal.contract given, but artifact {self.artifact.version} was not calibrated for "
                "contracts: state another goal, or run 'make calibrate DATA=...' and serve what it "
                "writes"
            )
        return self.artifact.promise.terms(contract.max_loss_rate, 1.0 - contract.confidence)

    def resolve_goal(self, goal: Goal | None) -> Goal:
        """Return the goal that applies: the request's, with the default for what it leaves out."""
        default = self.catalog.default_goal
        if goal is None:
            return default
        limit = default.max_cost_usd if goal.max_cost_usd is None else goal.max_cost_usd
        stated = goal if goal.rules() else default
        return stated if limit == stated.max_cost_usd else replace(stated, max_cost_usd=limit)

    def estimates(
        self, request: Request, goal: Goal, prediction: Prediction, input_tokens: float
    ) -> tuple[Estimate, ...]:
        """Price every deployment of the catalog, in its order, and say who may not serve."""
        most = request.max_output_tokens or math.inf
        limit_usd = goal.max_cost_usd
        constrained = _is_constrained(request) or limit_usd is not None
        estimates = []
        for deployment, index in zip(self.catalog.deployments, self.tier_index, strict=True):
            can, price = deployment.capabilities, deployment.price
            output_tokens = min(prediction.output_tokens[index], most, can.max_output_tokens)
            cost = (
                math.nan if price is None else expected_cost_usd(price, input_tokens, output_tokens)
            )
            reserved = request.max_output_tokens or output_tokens
            fits = input_tokens + reserved <= can.context_window_tokens
            ineligible = (
                ()
                if fits and (price is not None or deployment.pool) and not constrained
                else _ineligible(deployment, request, limit_usd, cost, fits)
            )
            estimates.append(
                Estimate(
                    deployment,
                    prediction.adequacy[index],
                    cost,
                    input_tokens,
                    output_tokens,
                    ineligible,
                )
            )
        if self.pools is not None:
            return self.pools.priced(estimates, limit_usd)
        return tuple(estimates)


def build_engine(artifact: Artifact, catalog: Catalog) -> Engine:
    """Join an artifact and a catalog.

    Raises:
        ArtifactError: the artifact does not predict for exactly the catalog's tiers in the same
            order, or for another threshold of adequacy.
    """
    if artifact.tier_names != catalog.tier_names:
        raise ArtifactError(
            f"{artifact.directory}: predicts for tiers {list(artifact.tier_names)}, the catalog "
            f"{catalog.name!r} has {list(catalog.tier_names)}: use the catalog it was trained "
            "with, or train again with 'make train CATALOG=...'",
            reason="ARTIFACT_TIERS",
            metadata={"file": str(artifact.directory)},
        )
    if artifact.manifest.adequate_quality != catalog.adequate_quality:
        raise ArtifactError(
            f"{artifact.directory}: trained for adequate_quality "
            f"{artifact.manifest.adequate_quality}, the catalog {catalog.name!r} says "
            f"{catalog.adequate_quality}: make them equal or train again",
            reason="ARTIFACT_TIERS",
            metadata={"file": str(artifact.directory)},
        )
    column = {name: index for index, name in enumerate(artifact.tier_names)}
    return Engine(
        artifact,
        catalog,
        tuple(column[deployment.tier] for deployment in catalog.deployments),
        pools=live_pools(catalog.deployments, catalog.pools),
    )


def _input_tokens(messages: Sequence[Message], reading: Reading) -> float:
    """Estimate a conversation's tokens; what was read for the prediction is not read again."""
    if len(messages) == 1 and messages[0].content == reading.text:
        return tokens_of(reading) + TOKENS_PER_MESSAGE
    return estimate_conversation_tokens(message.content for message in messages)


def _is_constrained(request: Request) -> bool:
    """Tell whether the request itself can make any deployment ineligible."""
    return bool(
        request.needs is not NO_NEEDS
        or request.allowed_tiers
        or request.denied_tiers
        or request.max_output_tokens
    )


def _ineligible(
    deployment: Deployment,
    request: Request,
    max_cost_usd: float | None,
    cost_usd: float,
    fits: bool,
) -> tuple[IneligibleReason, ...]:
    """Return every hard constraint that is not met, in the order of the enum."""
    can, needs, tier = deployment.capabilities, request.needs, deployment.tier
    failed = (
        bool(request.allowed_tiers) and tier not in request.allowed_tiers,
        tier in request.denied_tiers,
        not fits or needs.context_window_tokens > can.context_window_tokens,
        (request.max_output_tokens or 0) > can.max_output_tokens,
        needs.tools and not can.tools,
        needs.vision and not can.vision,
        needs.json_schema and not can.json_schema,
        not needs.residency <= can.residency,
        deployment.price is None and not deployment.pool,
        max_cost_usd is not None and cost_usd > max_cost_usd,
    )
    return tuple(compress(IneligibleReason, failed))


def _no_candidate(estimates: Sequence[Estimate]) -> NoCandidateError:
    why = {
        estimate.deployment.id: "+".join(reason.name for reason in estimate.ineligible)
        for estimate in estimates
    }
    listed = ", ".join(f"{name}: {reasons}" for name, reasons in why.items())
    return NoCandidateError(
        f"no deployment may serve this request ({listed}); relax the needs, the tier lists or "
        "max_cost_usd",
        metadata=why,
    )
