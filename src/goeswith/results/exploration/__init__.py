"""Learning from clicks: bounded exploration, with the probability of every choice."""
