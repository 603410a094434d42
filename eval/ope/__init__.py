"""Off-policy estimation: what another policy would have earned and cost, from logged decisions."""
