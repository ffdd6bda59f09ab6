"""Several shops in one service, each with a bundle of its own."""
