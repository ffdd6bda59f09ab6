"""New events and new products into a bundle that is there."""
