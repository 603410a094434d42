"""Why a deployment fell out, and why a decision is what it is. Values equal the wire enums'."""

from enum import IntEnum


class IneligibleReason(IntEnum):
    """Why a deployment fell out before the choice. Values equal the wire enum's."""

    TIER_NOT_ALLOWED = 1
    TIER_DENIED = 2
    CONTEXT_WINDOW = 3
    OUTPUT_LIMIT = 4
    TOOLS = 5
    VISION = 6
    JSON_SCHEMA = 7
    RESIDENCY = 8
    UNKNOWN_PRICE = 9
    OVER_MAX_COST = 10
    RETIRED = 11
    THIRD_PARTY = 12
    LOCKED_ELSEWHERE = 13
    POOL_UNAVAILABLE = 40
    DEFERRABLE_ONLY = 45
    TOO_LATE = 46
    COMPLETION_UNKNOWN = 47


class DecisionReason(IntEnum):
    """Why the decision is what it is. Values equal the wire enum's."""

    TARGET_MET = 1
    TARGET_UNREACHABLE = 2
    BEST_TRADE_OFF = 3
    CONTRACT_KEPT = 4
    CONTRACT_UNREACHABLE = 5
    CONTRACT_SUSPENDED = 6
    EXPLORED = 7
