"""Evaluation: outcomes, replay through the serving engine, metrics, baselines and the report."""
