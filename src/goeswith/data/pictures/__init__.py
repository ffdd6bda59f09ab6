"""Pictures of products: vectors in a column, or files that an encoder reads."""
