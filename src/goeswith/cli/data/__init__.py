"""Commands on the tables of a shop."""
