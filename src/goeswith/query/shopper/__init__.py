"""What a shopper buys next: again, and for the first time."""
