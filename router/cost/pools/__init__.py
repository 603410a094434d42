"""Pools: GPUs of one's own, what they cost, how busy they are, and what a place on them is worth.

From what a catalog states (``stated``) to cost on average (``average``), the API bill at which a
pool pays (``break_even``), live load (``engines``, ``poll``) and the price that routing uses
(``shadow``, ``live``).
"""
