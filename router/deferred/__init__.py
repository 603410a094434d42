"""Requests that can wait: how long each way to ask takes, what it costs, and which is taken."""
