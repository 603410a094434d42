"""The nouns of the project: frozen records that travel between the rooms.

Here are only data; behaviour lives in functions elsewhere (policy, engine, cost). Money is USD as
a float (an estimate, never a booking), tokens are counts, probabilities lie in [0, 1].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from router.cost.price import CacheUse, Price, PromptCache
from router.deferred.ways import BatchFile, Completion, Deadline, Schedule
from router.reasons import DecisionReason as DecisionReason  # noqa: PLC0414  # found here, too
from router.reasons import IneligibleReason as IneligibleReason  # noqa: PLC0414  # the same

if TYPE_CHECKING:
    from router.cost.tokens import TextKind
    from router.promise.contract import ContractTerms

DeploymentKind = Literal["api", "gpu"]
ROLES: tuple[str, ...] = ("system", "developer", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Tier:
    """An ordered class of service. ``rank`` 0 is the lowest.

    ``reference_model`` names the model whose recorded outcomes stand for the tier in training.
    """

    name: str
    rank: int
    reference_model: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a deployment can do; limits in tokens. ``residency`` are free tags such as "eu".

    ``third_party``: somebody else than the operator of the router sees the prompts.
    """

    context_window_tokens: int
    max_output_tokens: int
    tools: bool = False
    vision: bool = False
    json_schema: bool = False
    residency: frozenset[str] = frozenset()
    third_party: bool = True


@dataclass(frozen=True, slots=True)
class Deployment:
    """One way to reach a model of a tier. ``price`` None means unknown: never routable, never 0.

    ``price_problem`` then says why, and ``retired_on`` the first day the model was sold no more, if
    that is why. ``batch_price`` is what the same model costs in a batch; None if that is unknown.
    ``flex_price`` is that of the flex service tier, ``completion`` how long each way to ask takes,
    ``batch_file`` what its provider's batch files look like.
    ``tokenizer`` is a file that counts its input tokens; ``prompt_cache`` is the provider's.
    ``pool`` names the catalog's pool that it runs on, and that prices it then; empty: none.
    """

    id: str
    tier: str
    kind: DeploymentKind
    provider: str
    model: str
    capabilities: Capabilities
    price: Price | None
    batch_price: Price | None = None
    price_problem: str = ""
    retired_on: date | None = None
    tokenizer: Path | None = None
    prompt_cache: PromptCache | None = None
    pool: str = ""
    flex_price: Price | None = None
    completion: Completion | None = None
    batch_file: BatchFile | None = None


class Message(NamedTuple):
    """One message of a conversation; ``role`` is one of ``ROLES``."""

    role: str
    content: str


DEFAULT_CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True)
class Contract:
    """At most ``max_loss_rate`` of requests lose against the top tier, with ``confidence``.

    Both lie strictly between 0 and 1. ``per_topic``: in every topic at once, not over all together.
    ``reviewed``: of the answer that is kept at the end of plan and reviews. Not both.
    """

    max_loss_rate: float
    confidence: float = DEFAULT_CONFIDENCE
    per_topic: bool = False
    reviewed: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """What the caller wants. Exactly one of the rules is set once a goal is resolved.

    Attributes:
        quality_target: least acceptable adequacy, in [0, 1].
        willingness_to_pay_usd: USD the caller would pay for one more adequate answer, > 0.
        max_cost_usd: hard limit on a candidate's expected cost, > 0; goes with any rule.
        contract: promise over many requests.
    """

    quality_target: float | None = None
    willingness_to_pay_usd: float | None = None
    max_cost_usd: float | None = None
    contract: Contract | None = None

    def rules(self) -> int:
        """Count the rules that are set; a resolved goal has exactly one."""
        return (
            (self.quality_target is not None)
            + (self.willingness_to_pay_usd is not None)
            + (self.contract is not None)
        )


@dataclass(frozen=True, slots=True)
class Needs:
    """Hard constraints of a request.

    Attributes:
        context_window_tokens: Least context window.
        tools: Tool calling.
        vision: Image input.
        json_schema: Output constrained by a JSON schema.
        residency: Tags of which the deployment must carry every one.
        no_third_party: Nobody but the operator may see the prompt.
        locked_deployment: Id of the only deployment that can go on with this conversation, because
            it holds state of it, such as a tool loop or provider-side history; empty: none.
    """

    context_window_tokens: int = 0
    tools: bool = False
    vision: bool = False
    json_schema: bool = False
    residency: frozenset[str] = frozenset()
    no_third_party: bool = False
    locked_deployment: str = ""


NO_NEEDS = Needs()
NO_TAGS: Mapping[str, str] = MappingProxyType({})


class Request(NamedTuple):
    """A checked request. ``goal`` None means the catalog's default goal.

    ``deadline`` None means that the model's answer is needed at once.
    """

    messages: tuple[Message, ...]
    goal: Goal | None = None
    needs: Needs = NO_NEEDS
    allowed_tiers: frozenset[str] = frozenset()
    denied_tiers: frozenset[str] = frozenset()
    max_output_tokens: int | None = None
    tags: Mapping[str, str] = NO_TAGS
    session_id: str = ""
    request_id: str = ""
    deadline: Deadline | None = None


class Prediction(NamedTuple):
    """What the predictor says of one prompt; both tuples follow the artifact's tier order.

    Attributes:
        adequacy: calibrated P(adequate | prompt, tier), in [0, 1].
        output_tokens: expected output length in tokens, >= 0.
        novelty: share of the learnt prompts that lie nearer to what was learnt, in [0, 1]; None
            for an artifact that does not measure it.
        topic: place of the prompt's topic among the artifact's; None where nobody asked for it.
    """

    adequacy: tuple[float, ...]
    output_tokens: tuple[float, ...]
    novelty: float | None = None
    topic: int | None = None


class Estimate(NamedTuple):
    """One candidate, priced. ``expected_cost_usd`` is NaN only when the price is unknown.

    ``ineligible`` is empty for a candidate that may be chosen. ``cache_use`` is set where a prompt
    cache plays a part.
    """

    deployment: Deployment
    adequacy: float
    expected_cost_usd: float
    input_tokens: float
    output_tokens: float
    ineligible: tuple[IneligibleReason, ...] = ()
    cache_use: CacheUse | None = None


class Decision(NamedTuple):
    """The answer: who serves, why, and every candidate that was looked at.

    ``dearest`` is the cheapest eligible candidate of the dearest eligible tier: the counterfactual
    against which savings are stated. ``contract_terms`` are set if the goal is a contract.
    ``novelty`` is the prediction's. ``input_tokens`` and ``text_kind`` are the estimate before a
    deployment's ratio; None where the tokens were known. ``schedule`` is set under a deadline.
    """

    decision_id: str
    chosen: Estimate
    reason: DecisionReason
    goal: Goal
    estimates: tuple[Estimate, ...]
    dearest: Estimate
    artifact_version: str
    catalog_version: str
    contract_terms: "ContractTerms | None" = None
    novelty: float | None = None
    input_tokens: float = 0.0
    text_kind: "TextKind | None" = None
    schedule: Schedule | None = None
