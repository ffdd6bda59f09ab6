"""Name of the column of picture vectors; imports nothing, as a query needs it."""

from typing import Final

PICTURE_VECTOR: Final = "picture_vector"
"""Column of the catalogue: a vector a product, null for a product without a picture."""
