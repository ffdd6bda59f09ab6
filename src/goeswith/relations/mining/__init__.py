"""The counting of relations in a log."""
