"""Comparisons of learners that decided what is in ``training`` and what is not.

``python -m training.study NAME`` repeats one and prints its table; docs/learning.md holds the
tables and what they say. Nothing here is used by ``make train``.
"""
