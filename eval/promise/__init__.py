"""Does the promise hold? Contracts, topics, shifts and the monitor, simulated on real outcomes."""
