"""Decisions to wire messages. The way in, with its checks, is ``convert``."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, NamedTuple

from router.catalog import Catalog
from router.compiled import KERNEL
from router.cost.pools.average import average_usd_per_s, replica_seconds
from router.cost.pools.pool import Pool
from router.cost.price import Price
from router.predict.length_bounds import LengthBounds
from router.promise.contract import ContractTerms
from router.server.goal_wire import from_goal
from router.types import Decision, Deployment, Estimate, Goal
from router.v1 import router_pb2 as pb

_TOKENS_PER_PRICE_UNIT = 1_000_000.0


class Answers:
    """Writes decisions of one engine. What is the same in every answer is made once and copied.

    The rest is written by the compiled kernel, or without one in Python, and is the same.

    Args:
        catalog: Its deployments are the candidates of every answer, in their order.
        artifact_version: Stated in every answer.
        length_bounds: Of the artifact; None leaves upper output lengths unset.
    """

    def __init__(
        self,
        catalog: Catalog,
        artifact_version: str,
        length_bounds: LengthBounds | None = None,
    ) -> None:
        self._outputs = tuple(_outputs(catalog, length_bounds))
        self._has_pools = any(output.pool for output in self._outputs)
        self._default_goal = catalog.default_goal
        self._candidates = [
            pb.Candidate(
                deployment=item.id, tier=item.tier, batch_eligible=_is_batch_eligible(item)
            )
            for item in catalog.deployments
        ]
        self._same = {  # by the deployment that is chosen
            item.id: pb.RouteResponse(
                tier=item.tier,
                deployment=item.id,
                model=item.model,
                artifact_version=artifact_version,
                catalog_version=catalog.version,
                output_coverage=None if length_bounds is None else length_bounds.coverage,
            ).SerializeToString()
            for item in catalog.deployments
        }
        self._same_goal = _goal_bytes(catalog.default_goal)
        self._kernel = None if KERNEL is None else KERNEL.Writer(self._handed())

    def write(
        self,
        decision: Decision,
        request_id: str,
        max_output_tokens: int | None = None,
        into: pb.RouteResponse | None = None,
    ) -> pb.RouteResponse:
        """Return the wire form of a decision.

        Args:
            decision: Of the catalog's deployments.
            request_id: Of the request.
            max_output_tokens: Of the request; upper output lengths are cut there.
            into: An empty message to be filled, such as a part of another; by default a new one.
        """
        response = pb.RouteResponse() if into is None else into
        response.MergeFromString(self.written(decision, request_id, max_output_tokens))
        return response

    def written(
        self, decision: Decision, request_id: str, max_output_tokens: int | None = None
    ) -> bytes:
        """Return the same as ``write`` in bytes."""
        same = self._same[decision.chosen.deployment.id] + (
            self._same_goal if decision.goal is self._default_goal else _goal_bytes(decision.goal)
        )
        if decision.contract_terms is not None:
            terms = _from_terms(decision.contract_terms)
            same += pb.RouteResponse(contract_terms=terms).SerializeToString()
        averages = self._averages(decision) if self._has_pools else None
        if self._kernel is None:
            return same + self._in_python(decision, request_id, max_output_tokens, averages)
        written: bytes = self._kernel.write(
            same, decision, request_id, max_output_tokens or 0, averages
        )
        return written

    def _averages(self, decision: Decision) -> list[float | None]:
        """Return the average cost in USD of each deployment on a pool."""
        return [
            None
            if output.pool is None
            else output.average_usd_per_s
            * replica_seconds(output.pool, estimate.input_tokens, estimate.output_tokens)
            for estimate, output in zip(decision.estimates, self._outputs, strict=True)
        ]

    def _in_python(
        self,
        decision: Decision,
        request_id: str,
        most: int | None,
        averages: Sequence[float | None] | None,
    ) -> bytes:
        chosen, dearest = decision.chosen, decision.dearest
        saving = dearest.expected_cost_usd - chosen.expected_cost_usd
        response = pb.RouteResponse(
            decision_id=decision.decision_id,
            reason=decision.reason.value,  # type: ignore[arg-type]  # equal values
            candidates=self._candidates,
            saving_usd=saving,
            saving_baseline_tier=dearest.deployment.tier,
            request_id=request_id,
            novelty=decision.novelty,
        )
        if saving and dearest.expected_cost_usd:
            response.saving_fraction = saving / dearest.expected_cost_usd
        if decision.text_kind is not None:
            known = response.input_estimate
            known.token_count = round(decision.input_tokens) or 1
            known.kind = decision.text_kind.value  # type: ignore[assignment]  # equal values
            known.deployment = chosen.deployment.id
            if chosen.cache_use is not None:
                known.warm_token_count = round(chosen.cache_use.warm_tokens)
        for place, (candidate, estimate, output) in enumerate(
            zip(response.candidates, decision.estimates, self._outputs, strict=True)
        ):
            _fill(candidate, estimate, output, most)
            if averages is not None and (average := averages[place]) is not None:
                candidate.average_cost_usd = average
            if output.bounds is not None and estimate.deployment is chosen.deployment:
                response.suggested_max_output_tokens = candidate.output_token_upper
        return response.SerializeToString()

    def _handed(self) -> list[tuple[Any, ...]]:
        """Return what is always told of each deployment, as the kernel takes it."""
        return [
            (
                candidate.SerializeToString(),
                output.limit,
                output.price and output.price.output_usd_per_mtok,
                [
                    (band.above_input_tokens, band.rates.output)
                    for band in (output.price.bands if output.price else ())
                ],
                output.bounds
                and (output.bounds.edges[output.tier], output.bounds.factors[output.tier]),
            )
            for candidate, output in zip(self._candidates, self._outputs, strict=True)
        ]


def _is_batch_eligible(item: Deployment) -> bool:
    return (
        item.batch_price is not None
        and item.completion is not None
        and item.completion.batch is not None
    )


class _Output(NamedTuple):
    """What is told of a deployment beside its estimate, and what that rests on.

    Attributes:
        bounds: Of upper output lengths; None leaves them unset.
        tier: Its rank.
        limit: Its most output tokens.
        price: Of an upper output length; None where none is fixed: a place on a pool is priced as
            a whole and for now, so no length has a price of its own.
        pool: That it runs on.
        average_usd_per_s: Of that pool.
    """

    bounds: LengthBounds | None
    tier: int
    limit: int
    price: Price | None
    pool: Pool | None
    average_usd_per_s: float


def _outputs(catalog: Catalog, bounds: LengthBounds | None) -> Iterator[_Output]:
    rank_of = {tier.name: tier.rank for tier in catalog.tiers}
    pools = {pool.name: pool for pool in catalog.pools}
    for item in catalog.deployments:
        pool = pools[item.pool] if item.pool else None
        yield _Output(
            bounds,
            rank_of[item.tier],
            item.capabilities.max_output_tokens,
            None if pool is not None else item.price,
            pool,
            0.0 if pool is None else average_usd_per_s(pool),
        )


def _fill(candidate: pb.Candidate, estimate: Estimate, output: _Output, most: int | None) -> None:
    _, adequacy, cost, input_tokens, output_tokens, ineligible, _ = estimate
    candidate.adequacy = adequacy
    if cost == cost:  # not NaN: the price is known
        candidate.expected_cost_usd = cost
    candidate.input_token_count = round(input_tokens)
    candidate.output_token_count = round(output_tokens)
    if ineligible:
        candidate.ineligible_reasons.extend(ineligible)  # type: ignore[arg-type]  # equal values
    bounds, tier, limit, price, _, _ = output
    if bounds is None:
        return
    # Expected lengths are cut already. The bound of one that was is cut too, as no bound is below
    # what is expected.
    upper = ceil(bounds.upper(tier, output_tokens)) or 1
    if upper > limit:
        upper = limit
    if most and upper > most:
        upper = most
    candidate.output_token_upper = upper
    if price is not None:
        rate = price.rates(input_tokens).output if price.bands else price.output_usd_per_mtok
        candidate.upper_cost_usd = cost + (upper - output_tokens) * rate / _TOKENS_PER_PRICE_UNIT


def _from_terms(terms: ContractTerms) -> pb.ContractTerms:
    return pb.ContractTerms(
        max_loss_rate=terms.alpha,
        confidence=1.0 - terms.delta,
        threshold=terms.threshold,
        calibration_prompt_count=terms.n,
        observed_loss_rate=terms.empirical_risk,
        topic=terms.topic,
        topic_count=terms.topics if terms.topic else 0,
        willingness_to_pay_usd=terms.willingness_to_pay_usd,
    )


def _goal_bytes(goal: Goal) -> bytes:
    """Return a goal as the part of an answer that it is."""
    return pb.RouteResponse(goal=from_goal(goal)).SerializeToString()
