"""Product kinds and what goes with what: an open table, and a tagger from titles to kinds."""
