"""Whatever stands where a usage should be: it is read with every token once, or refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cost.usage_shapes import UsageShape, read_usage
from router.errors import UsageError

NAMES = [
    "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "cached_tokens",
    "prompt_tokens_details", "completion_tokens_details", "input_tokens_details",
    "output_tokens_details", "reasoning_tokens", "thinking_tokens", "cache_write_tokens",
    "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation",
    "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "server_tool_use",
    "promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "thoughtsTokenCount",
    "toolUsePromptTokenCount", "promptTokensDetails", "candidatesTokensDetails", "modality",
    "tokenCount", "inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens",
    "cacheDetails", "ttl", "audio_tokens",
]  # fmt: skip
COUNTS = st.integers(-2, 50) | st.sampled_from([2**63, 10**30])
LEAVES = COUNTS | st.sampled_from([None, True, 1.5, "5m", "1h", "TEXT", "AUDIO", float("nan")])
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8)
    ),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(UsageShape), ANYTHING)
def test_no_usage_raises_anything_but_the_one_error(shape: UsageShape, usage: Any) -> None:
    try:
        read = read_usage(shape, usage)
    except UsageError:
        return
    assert min(read[:6]) >= 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=6, max_size=6))
def test_the_same_tokens_told_in_every_shape_are_the_same_usage(counts: list[int]) -> None:
    fresh, read, short, long, output, thought = counts
    anthropic = {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": short + long,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "output_tokens": output + thought,
        "output_tokens_details": {"thinking_tokens": thought},
    }
    bedrock = {
        "inputTokens": fresh,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": short + long,
        "cacheDetails": [{"ttl": "1h", "inputTokens": long}],
        "outputTokens": output + thought,
    }
    openai = {
        "prompt_tokens": fresh + read + short,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": short},
        "completion_tokens": output + thought,
        "completion_tokens_details": {"reasoning_tokens": thought},
    }
    gemini = {
        "promptTokenCount": fresh + read,
        "cachedContentTokenCount": read,
        "candidatesTokenCount": output,
        "thoughtsTokenCount": thought,
    }
    told = (fresh, read, short, long, output, thought)
    assert read_usage(UsageShape.ANTHROPIC, anthropic)[:6] == told
    assert read_usage(UsageShape.BEDROCK, bedrock)[:6] == (*told[:4], output + thought, 0)
    assert read_usage(UsageShape.OPENAI, openai)[:6] == (*told[:3], 0, output, thought)
    assert read_usage(UsageShape.VLLM, openai) == read_usage(UsageShape.OPENAI, openai)
    assert read_usage(UsageShape.GEMINI, gemini)[:6] == (*told[:2], 0, 0, output, thought)


@pytest.mark.parametrize("shape", UsageShape)
def test_what_is_no_object_is_no_usage(shape: UsageShape) -> None:
    with pytest.raises(UsageError, match="usage: None given, must be an object"):
        read_usage(shape, None)  # type: ignore[arg-type]
