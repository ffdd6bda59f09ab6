"""What the columns and values of a shop's tables mean."""
