"""Sessions of many turns through caches that keep prompts, simulated: docs/prices.md."""
