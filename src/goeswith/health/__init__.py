"""Health of a bundle: what its recommendations lack, and what changed since the last build."""
