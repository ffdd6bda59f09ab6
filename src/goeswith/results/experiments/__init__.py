"""Experiments: which shopper gets which variant."""
