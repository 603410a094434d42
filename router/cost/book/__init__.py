"""The price book: dated rows, the tariff they give on a day, and where rows come from."""
