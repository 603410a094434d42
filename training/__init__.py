"""From outcomes to a promoted artifact: sources, labels, fit, export, gates, tracking."""
