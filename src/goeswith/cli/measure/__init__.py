"""Commands that measure what recommendations earn."""
