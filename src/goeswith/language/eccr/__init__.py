"""ECCR: coherent complements from a language model that reads behaviour as tokens (docs/models)."""
