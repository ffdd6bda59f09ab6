"""The answers of a whole bundle, carried to where a shop reads them: files, PostgreSQL, Redis."""
