"""Commands that use a bundle."""
