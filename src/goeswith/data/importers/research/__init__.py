"""Importers of published data sets of baskets and sessions."""
