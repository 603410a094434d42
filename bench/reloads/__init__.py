"""Reloads of good, bad and half-written artifacts under load: no call may fail, no decision err."""
