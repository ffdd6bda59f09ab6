"""Language models: what kind of pair two texts are, and sentences that say why."""
