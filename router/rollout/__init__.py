"""Trying another artifact in use: shadow and canary, what they counted, and new files on disk."""
