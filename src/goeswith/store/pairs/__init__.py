"""What a bundle stores about pairs of products."""
