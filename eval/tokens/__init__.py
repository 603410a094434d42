"""How far the token estimate is from real tokenizers, by kind of text: docs/tokens.md."""
