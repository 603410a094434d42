"""A new model without training again: an ability profile from few labels, and where it fits in."""
