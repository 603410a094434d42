"""From outcomes somebody has to an outcome table: reading, checking, grouping, encoding."""
