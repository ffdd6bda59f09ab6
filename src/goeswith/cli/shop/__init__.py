"""Commands by which a shop changes products and rules."""
