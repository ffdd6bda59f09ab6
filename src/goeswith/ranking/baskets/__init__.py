"""The ranker of baskets: trained on what later baskets held."""
