"""Usage as providers' documents show it, with numbers of our own: one response a row.

Each row: a name, the provider and flavour as genai-prices calls them, our shape, the response, the
model it is priced as, and the context of its price.
"""

from typing import Any, NamedTuple

from router.cost.book.rows import Mode, ServiceTier
from router.cost.usage_shapes import UsageShape


class Reported(NamedTuple):
    """One response and how it is to be read and priced."""

    name: str
    provider: str
    flavour: str
    shape: UsageShape
    response: dict[str, Any]
    mode: Mode = Mode.SYNC
    service_tier: ServiceTier = ServiceTier.STANDARD

    @property
    def usage(self) -> dict[str, Any]:
        """The usage object."""
        key = "usageMetadata" if self.shape is UsageShape.GEMINI else "usage"
        found: dict[str, Any] = self.response[key]
        return found

    @property
    def model(self) -> str:
        """The model, as the response names it."""
        return str(self.response.get("model") or self.response["modelVersion"])


def openai(name: str, usage: dict[str, Any], model: str = "gpt-5.6", **more: Any) -> Reported:
    flavour = "chat" if "prompt_tokens" in usage else "responses"
    response = {"model": model, "usage": usage}
    return Reported(name, "openai", flavour, UsageShape.OPENAI, response, **more)


def anthropic(name: str, usage: dict[str, Any], model: str = "claude-opus-5-5") -> Reported:
    response = {"model": model, "usage": usage}
    return Reported(name, "anthropic", "default", UsageShape.ANTHROPIC, response)


def gemini(
    name: str, usage: dict[str, Any], model: str = "gemini-2.5-pro", **more: Any
) -> Reported:
    response = {"modelVersion": model, "usageMetadata": usage}
    return Reported(name, "google", "default", UsageShape.GEMINI, response, **more)


def bedrock(name: str, usage: dict[str, Any]) -> Reported:
    response = {"model": "anthropic.claude-sonnet-4-5-20250929-v1:0", "usage": usage}
    return Reported(name, "aws", "default", UsageShape.BEDROCK, response)


def vllm(name: str, details: dict[str, Any]) -> Reported:
    usage = {"prompt_tokens": 1201, "total_tokens": 1411, "completion_tokens": 210} | details
    response = {"model": "accounts/fireworks/models/gpt-oss-120b", "usage": usage}
    return Reported(name, "fireworks", "chat", UsageShape.VLLM, response)


CACHED = {"cached_tokens": 1920, "cache_write_tokens": 640, "audio_tokens": 0}
THOUGHT = {"reasoning_tokens": 704, "accepted_prediction_tokens": 0}

REPORTED = [
    openai("chat, nothing special", {"prompt_tokens": 37, "completion_tokens": 511}),
    openai(
        "chat, cached, written and reasoned",
        {
            "prompt_tokens": 3071,
            "completion_tokens": 1213,
            "total_tokens": 4284,
            "prompt_tokens_details": CACHED,
            "completion_tokens_details": THOUGHT,
        },
    ),
    openai(
        "responses, cached and reasoned",
        {
            "input_tokens": 2311,
            "input_tokens_details": {"cached_tokens": 2048},
            "output_tokens": 977,
            "output_tokens_details": {"reasoning_tokens": 832},
        },
    ),
    openai(
        "chat, just below the cliff",
        {
            "prompt_tokens": 272_000,
            "completion_tokens": 801,
            "prompt_tokens_details": {"cached_tokens": 131_072},
        },
    ),
    openai(
        "chat, just above the cliff",
        {
            "prompt_tokens": 272_001,
            "completion_tokens": 801,
            "prompt_tokens_details": {"cached_tokens": 131_072},
        },
    ),
    openai("batch", {"prompt_tokens": 9177, "completion_tokens": 411}, mode=Mode.BATCH),
    openai(
        "flex",
        {"prompt_tokens": 9177, "completion_tokens": 411, "prompt_tokens_details": CACHED},
        service_tier=ServiceTier.FLEX,
    ),
    openai(
        "priority",
        {"prompt_tokens": 9177, "completion_tokens": 411},
        service_tier=ServiceTier.PRIORITY,
    ),
    openai(
        "batch of a model whose cache read has no batch price",
        {
            "prompt_tokens": 9177,
            "completion_tokens": 411,
            "prompt_tokens_details": {"cached_tokens": 8192},
        },
        model="gpt-4o",
        mode=Mode.BATCH,
    ),
    anthropic(
        "messages, cached, written for both times, and thought",
        {
            "input_tokens": 211,
            "cache_read_input_tokens": 18_432,
            "cache_creation_input_tokens": 1536,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 1024,
                "ephemeral_1h_input_tokens": 512,
            },
            "output_tokens": 1871,
            "output_tokens_details": {"thinking_tokens": 1203},
        },
    ),
    anthropic(
        "messages, written, the time not told",
        {"input_tokens": 9, "cache_creation_input_tokens": 2077, "output_tokens": 88},
    ),
    anthropic(
        "messages, above the cliff only with what was cached",
        {"input_tokens": 40, "cache_read_input_tokens": 100_000, "output_tokens": 611},
        model="claude-haiku-5-5",
    ),
    gemini(
        "cached, with thoughts beside the candidates",
        {
            "promptTokenCount": 4099,
            "cachedContentTokenCount": 4096,
            "candidatesTokenCount": 333,
            "thoughtsTokenCount": 1500,
            "totalTokenCount": 5932,
        },
    ),
    gemini(
        "above the cliff, with a tool's prompt",
        {
            "promptTokenCount": 200_100,
            "candidatesTokenCount": 33,
            "toolUsePromptTokenCount": 77,
        },
    ),
    gemini("a blocked prompt", {"promptTokenCount": 12}),
    bedrock(
        "converse, cached and written",
        {
            "inputTokens": 31,
            "outputTokens": 517,
            "totalTokens": 9764,
            "cacheReadInputTokens": 8192,
            "cacheWriteInputTokens": 1024,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 1024}],
        },
    ),
    bedrock("converse, nothing special", {"inputTokens": 31, "outputTokens": 517}),
    # No table prices a server of one's own: the same model at a host that runs vLLM stands for it.
    vllm("vLLM, details not asked for", {"prompt_tokens_details": None}),
    vllm("vLLM, prefix cache reported", {"prompt_tokens_details": {"cached_tokens": 1184}}),
]
