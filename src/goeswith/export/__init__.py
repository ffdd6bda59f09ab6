"""Export of all recommendations of a bundle: to files, PostgreSQL, Redis and Spark."""
