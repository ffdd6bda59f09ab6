"""Commands that make a bundle, a model or figures."""
