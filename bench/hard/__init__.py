"""Tests too long for ``make test``: faults, overload, soak and fuzzing of a real server."""
