"""Reports of the feedback log: clicks, carts and purchases of what was shown."""
