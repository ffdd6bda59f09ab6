"""SALAM: exact, substitute, complement or irrelevant, by a language model and a behaviour graph."""
