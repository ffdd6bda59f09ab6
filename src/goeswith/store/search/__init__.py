"""Words of the search index, and the choice of products to look at."""
