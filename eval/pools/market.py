"""Who may serve in a simulation: deployments paid by use, one on the pool, and what is wanted.

Requests are priced here as the engine prices them; what a place on the pool costs is ``routers``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from router.cost.estimate import expected_cost_usd
from router.cost.price import Price
from router.cost.warmth import PromptCaches
from router.deferred.ways import Completion, CompletionTimes
from router.types import Capabilities, Deployment, Estimate, Goal, IneligibleReason

_CAN = Capabilities(context_window_tokens=1_000_000, max_output_tokens=100_000)
_DAY = date(2026, 11, 12)
_NOT_ALLOWED = (IneligibleReason.TIER_NOT_ALLOWED,)


@dataclass(frozen=True, slots=True)
class Market:
    """The deployments that a request may go to.

    Attributes:
        deployments: All but one have a price and are paid by use.
        tiers: Column of each deployment's tier in the traffic.
        own_at: Place of the one on the pool.
        list_price: What a router that goes by list prices takes that one to cost.
        goal: Of every request.
    """

    deployments: tuple[Deployment, ...]
    tiers: tuple[int, ...]
    own_at: int
    list_price: Price
    goal: Goal

    def estimates(
        self,
        input_tokens: float,
        expected_output: Sequence[float],
        adequacy: Sequence[float],
        allowed: Sequence[bool] | None = None,
        caches: PromptCaches | None = None,
        session: str = "",
    ) -> list[Estimate]:
        """Return every candidate, the one on the pool at its list price.

        Args:
            input_tokens: Of the request.
            expected_output: By tier.
            adequacy: By tier.
            allowed: By tier; None: every one.
            caches: What a router knows of prompt caches; None for a request without a session.
            session: Of the request.
        """
        result = []
        for item, tier in zip(self.deployments, self.tiers, strict=True):
            price = self.list_price if item.pool else item.price
            assert price is not None  # noqa: S101  # a market holds priced deployments only
            output, use = expected_output[tier], None
            if caches is None:
                cost = expected_cost_usd(price, input_tokens, output)
            else:
                cost, use = caches.cost(session, item.id, price, input_tokens, output)
            result.append(
                Estimate(
                    item,
                    adequacy[tier],
                    cost,
                    input_tokens,
                    output,
                    () if allowed is None or allowed[tier] else _NOT_ALLOWED,
                    use,
                )
            )
        return result


# Completion times as in data/catalog.example.toml.
_SYNC = CompletionTimes((20.0, 60.0, 300.0), (0.5, 0.99, 0.999))
_FLEX = CompletionTimes((60.0, 900.0), (0.5, 0.95))
_BATCH = CompletionTimes((420.0, 3600.0, 86400.0), (0.5, 0.9, 0.98))
_HALF = "half of the list price"


def _api(
    name: str, tier: str, dear_in: float, dear_out: float, flex: CompletionTimes | None = None
) -> Deployment:
    price = Price(dear_in, dear_out, _DAY, "litellm 1.109.1")
    half = Price(dear_in / 2, dear_out / 2, _DAY, _HALF)
    return Deployment(
        name, tier, "api", "api", name, _CAN, price,
        batch_price=half,
        flex_price=half if flex else None,
        completion=Completion(_SYNC, flex, _BATCH, _DAY, "an example"),
    )  # fmt: skip


# The list price is that of a host of middle price for the pool's own model.
_LIST_PRICE = Price(0.72, 0.72, _DAY, "a host of the same model")
# Idle hours of the pool, and what waiting for them is taken to cost, a seventh of the list price:
# at nothing, all that can wait stands in line for what few get. Both from seeds 101 and 102 of the
# mixed day in four hours, 30 % of the requests needed within one (times doubled, for eight hours).
_IDLE_HOURS = CompletionTimes((1800.0, 7080.0), (0.35, 0.65))
_IDLE_PRICE = Price(0.10, 0.10, _DAY, "chosen on other seeds")
STUDIED = Market(
    deployments=(
        _api("claude-haiku-5-5", "small", 0.10, 0.50),
        _api("gemini-3.8-flash", "medium", 0.75, 3.75, _FLEX),
        Deployment(
            "pool",
            "medium",
            "gpu",
            "own",
            "own",
            _CAN,
            _LIST_PRICE,
            pool="pool",
            batch_price=_IDLE_PRICE,
            completion=Completion(_SYNC, None, _IDLE_HOURS, _DAY, "measured on other seeds"),
        ),
    ),
    tiers=(0, 1, 1),
    own_at=2,
    list_price=_LIST_PRICE,
    goal=Goal(quality_target=0.5),
)
"""The market of the study; ``traffic.draw`` draws for its two tiers."""
