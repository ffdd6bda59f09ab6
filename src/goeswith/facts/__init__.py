"""What a shop decides about its products between two fits: price, stock, visibility, markets."""
