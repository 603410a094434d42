"""Metrics of a serving process: what is counted, how it is summed, how it is told to Prometheus.

Nothing here knows what a decision is; who counts what stands in ``router.server.counted``.
"""
