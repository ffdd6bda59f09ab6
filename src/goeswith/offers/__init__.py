"""Sets of products to sell as one: found in the baskets of the log, within the shop's limits."""
