"""The usage fields of providers, read into one spelling.

What a field includes differs, and is the commonest error of accounting:

    OpenAI      input includes what was cached and written; reasoning is part of output
    Anthropic   input excludes both; thinking is part of output
    Gemini      input includes what was cached; thoughts are beside the candidates' tokens
    Bedrock     as Anthropic, in other words (the Converse API)
    vLLM        as OpenAI; the details are null unless the server was told to report them

Audio, images and tools may have prices of their own; they are named in ``Usage.unpriced``.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from router.cost.usage import Usage
from router.errors import UsageError

Fields = Mapping[str, Any]


class UsageShape(StrEnum):
    """Whose fields they are."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    BEDROCK = "bedrock"
    VLLM = "vllm"


def read_usage(shape: UsageShape, usage: Fields) -> Usage:
    """Read a usage object as it came, ``usage`` or ``usageMetadata`` of the response.

    Raises:
        UsageError: it or a part is no object, a count is missing, negative or no whole number, or a
            part exceeds its whole.
    """
    if not isinstance(usage, Mapping):
        raise UsageError(f"usage: {usage!r} given, must be an object")
    return _READERS[shape](usage)


def _openai(usage: Fields) -> Usage:
    # Chat Completions counts prompt and completion, Responses input and output.
    chat = "prompt_tokens" in usage
    names = ("prompt_tokens", "completion_tokens") if chat else ("input_tokens", "output_tokens")
    total_input, total_output = (_count(usage, name) for name in names)
    of_input, of_output = (_details(usage, f"{name}_details") for name in names)
    read = _count(of_input, "cached_tokens", 0)
    written = _count(of_input, "cache_write_tokens", 0)
    # SGLang reports reasoning beside the details.
    reasoning = _count(of_output, "reasoning_tokens", _count(usage, "reasoning_tokens", 0))
    return Usage(
        _rest(total_input, read + written, names[0]),
        read,
        written,
        0,
        _rest(total_output, reasoning, names[1]),
        reasoning,
        _named({f"input {k}": of_input.get(k) for k in _OTHER_MEDIA})
        + _named({f"output {k}": of_output.get(k) for k in _OTHER_MEDIA}),
    )


def _anthropic(usage: Fields) -> Usage:
    written = _count(usage, "cache_creation_input_tokens", 0)
    split = _details(usage, "cache_creation")
    long = _count(split, "ephemeral_1h_input_tokens", 0)
    short = _count(split, "ephemeral_5m_input_tokens", 0) if split else written
    if short + long != written:
        raise UsageError(
            f"cache_creation_input_tokens: {written} given, but cache_creation holds {short} and "
            f"{long}; give the usage as the provider reported it"
        )
    thinking = _count(_details(usage, "output_tokens_details"), "thinking_tokens", 0)
    return Usage(
        _count(usage, "input_tokens"),
        _count(usage, "cache_read_input_tokens", 0),
        short,
        long,
        _rest(_count(usage, "output_tokens"), thinking, "output_tokens"),
        thinking,
        _named(_details(usage, "server_tool_use")),
    )


def _gemini(usage: Fields) -> Usage:
    # A prompt that was blocked has no candidates; zero counts are left out of the JSON.
    total_input = _count(usage, "promptTokenCount", 0)
    read = _count(usage, "cachedContentTokenCount", 0)
    return Usage(
        _rest(total_input, read, "promptTokenCount") + _count(usage, "toolUsePromptTokenCount", 0),
        read,
        0,
        0,
        _count(usage, "candidatesTokenCount", 0),
        _count(usage, "thoughtsTokenCount", 0),
        _named(
            {
                f"{name} {one['modality']}": one.get("tokenCount")
                for name in ("promptTokensDetails", "candidatesTokensDetails")
                for one in _listed(usage, name)
                if one.get("modality") not in ("TEXT", "DOCUMENT", None)
            }
        ),
    )


def _bedrock(usage: Fields) -> Usage:
    written = _count(usage, "cacheWriteInputTokens", 0)
    kept = {"5m": 0, "1h": 0}
    for one in _listed(usage, "cacheDetails"):
        if one.get("ttl") not in list(kept):
            raise UsageError(
                f"cacheDetails.ttl: {one.get('ttl')!r} given, must be one of {list(kept)}"
            )
        kept[one["ttl"]] += _count(one, "inputTokens")
    if kept["1h"] > written:
        raise UsageError(f"cacheDetails: {kept['1h']} tokens of cacheWriteInputTokens {written}")
    return Usage(
        _count(usage, "inputTokens"),
        _count(usage, "cacheReadInputTokens", 0),
        written - kept["1h"],
        kept["1h"],
        _count(usage, "outputTokens"),
        0,
    )


_OTHER_MEDIA = ("audio_tokens", "image_tokens")
_READERS: Mapping[UsageShape, Callable[[Fields], Usage]] = {
    UsageShape.OPENAI: _openai,
    UsageShape.ANTHROPIC: _anthropic,
    UsageShape.GEMINI: _gemini,
    UsageShape.BEDROCK: _bedrock,
    UsageShape.VLLM: _openai,
}


def _count(fields: Fields, name: str, default: int | None = None) -> int:
    value = fields.get(name)
    if value is None:
        value = default
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{name}: {value!r} given, must be a whole number >= 0")
    return value


def _details(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageError(f"{name}: {value!r} given, must be an object")
    return value


def _listed(fields: Fields, name: str) -> Sequence[Fields]:
    value = fields.get(name)
    if value is None:
        return ()
    if not isinstance(value, Sequence) or not all(isinstance(one, Mapping) for one in value):
        raise UsageError(f"{name}: {value!r} given, must be a list of objects")
    return value


def _rest(whole: int, part: int, name: str) -> int:
    if part > whole:
        raise UsageError(
            f"{name}: {whole} given, which is less than the {part} that are part of it"
        )
    return whole - part


def _named(counts: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(f"{name}: {count}" for name, count in counts.items() if count)
