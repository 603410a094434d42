"""From a candidate to its expected cost in USD: token counts and prices."""
