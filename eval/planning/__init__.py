"""Planning on a log of traffic: what ways to price a pool come to, and when a pool pays.

The simulation itself is ``eval.pools``; here a log becomes traffic and results become tables and
pictures. What the figures mean is docs/planning.md.
"""
