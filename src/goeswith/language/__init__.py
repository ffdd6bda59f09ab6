"""Language models: classes of pairs (salam), and re-ranking of slates (eccr)."""
