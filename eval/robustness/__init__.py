"""How often a decision flips when a prompt is written otherwise: ``python -m eval.robustness``."""
