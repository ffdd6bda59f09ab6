"""Boosted trees that order the candidates of other session models."""
