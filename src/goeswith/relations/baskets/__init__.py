"""Baskets of a log as a matrix."""
