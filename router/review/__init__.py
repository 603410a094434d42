"""A second look: what came back, whether answers agree, and what to do next."""
