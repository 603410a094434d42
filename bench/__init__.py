"""Measurements of the service beside the floor of its own stack. Not part of the wheel."""
