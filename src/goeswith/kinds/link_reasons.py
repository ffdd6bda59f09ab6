"""Why products of two kinds go together: the reasons that the table of kinds may give."""

from __future__ import annotations

from typing import Final

REASONS: Final = (
    "accessory",
    "consumable",
    "part",
    "power",
    "protection",
    "storage",
    "care",
    "installation",
    "ingredient",
    "served_with",
    "set_piece",
    "outfit",
    "occasion",
    "gift_wrap",
)
