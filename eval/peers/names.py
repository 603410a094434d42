"""Names of the columns of the peers' scores."""

RULES_SCORE = "litellm_rules:score"
RULES_TIER = "litellm_rules:tier"
# P(success) of LiteLLM's four tiers, lowest first.
V2_PROBABILITIES: tuple[str, ...] = tuple(
    f"litellm_v2:{tier}" for tier in ("simple", "medium", "complex", "reasoning")
)
# Neighbours and aggregation of the measured indexes: the package's default, and one that votes.
INDEXES: dict[str, tuple[int, str]] = {
    "aurelio_5_mean": (5, "mean"),
    "aurelio_100_sum": (100, "sum"),
}


def index_columns(index: str, tiers: tuple[str, ...]) -> tuple[str, ...]:
    """Name the columns of an index: a score per route, and a route per tier."""
    return tuple(f"{index}:{tier}" for tier in tiers)
