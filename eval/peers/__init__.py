"""Published routers of others, measured in the same harness: docs/peers.md."""
