"""How the cost of a decision grows: with the prompt, the conversation, tiers, live pools."""
