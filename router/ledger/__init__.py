"""What came of decisions, kept locally: recorded outcomes today, spending later."""
