"""Which models play the new one in the onboarding curve, and at what price.

Methods and their settings were chosen on ``CHOOSING``; only ``REPORTING`` is reported. Prices are
nominal list prices of spring 2025 in USD per million tokens, for the routed tier set only.
"""

PRICES_USD_PER_MTOK: dict[str, tuple[float, float]] = {
    "claude-3-opus-20240229": (15.0, 75.0),
    "gemini-1.5-flash": (0.075, 0.30),
    "gemma-2-9b-it": (0.20, 0.20),
    "gpt-3.5-turbo-0125": (0.50, 1.50),
    "llama-3-70b-instruct": (0.59, 0.79),
    "gemini-1.5-pro": (1.25, 5.00),
    "gpt-4o-2024-05-13": (5.00, 15.00),
    "gpt-4o-mini-2024-07-18": (0.15, 0.60),
    "llama-3.1-70b-instruct": (0.59, 0.79),
    "llama-3.1-8b-instruct": (0.05, 0.08),
    "phi-3.5-mini-instruct": (0.13, 0.52),
}

CHOOSING = (
    "claude-3-opus-20240229",
    "gemini-1.5-flash",
    "gemma-2-9b-it",
    "gpt-3.5-turbo-0125",
    "llama-3-70b-instruct",
)
REPORTING = (
    "gemini-1.5-pro",
    "gpt-4o-2024-05-13",
    "gpt-4o-mini-2024-07-18",
    "llama-3.1-70b-instruct",
    "llama-3.1-8b-instruct",
    "phi-3.5-mini-instruct",
)
# On prompts unlike those the artifact was trained on (MMLU-Pro), other models were asked.
ELSEWHERE_CHOOSING = (
    "command-r",
    "gemini-1.5-flash-002",
    "mixtral-8x7b-instruct-v0.1",
    "phi-3-mini-4k-instruct",
    "qwen1.5-7b-chat",
)
ELSEWHERE_REPORTING = (
    "gemini-1.5-pro-002",
    "jamba-1.5-large",
    "mistral-7b-instruct-v0.2",
    "qwen1.5-72b-chat",
)
