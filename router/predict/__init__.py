"""From a conversation to adequacy and output length per tier: window, tokens, vector, heads."""
