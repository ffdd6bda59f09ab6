"""A small outdoor shop, with products whose text is meant to do harm."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

KINDS = {
    "Tent": ("Trek dome tent", "Ridge tunnel tent", "Lake family tent", "Solo bivvy tent"),
    "Groundsheet": ("Footprint", "Reinforced groundsheet", "Light groundsheet"),
    "Tent peg": ("Sand pegs, 8", "Titanium pegs, 6", "Y-pegs, 10"),
    "Stove": ("Pocket gas stove", "Windproof stove", "Two-burner stove"),
    "Gas cartridge": ("Gas 100 g", "Gas 230 g", "Winter gas 450 g"),
    "Cooking pot": ("Titanium pot 0.9 l", "Pot set", "Kettle 1 l"),
    "Headlamp": ("Headlamp 200 lm", "Headlamp 450 lm", "Red-light headlamp"),
    "Batteries": ("AAA batteries, 8", "Rechargeable pack", "AAA lithium, 4"),
    "Backpack": ("Day pack 24 l", "Trekking pack 55 l", "Running vest 8 l"),
    "Rain cover": ("Rain cover S", "Rain cover L", "Rain cover, bright"),
}
TRIPS = (
    ("Tent", "Groundsheet", "Tent peg"),
    ("Stove", "Gas cartridge", "Cooking pot"),
    ("Headlamp", "Batteries"),
    ("Backpack", "Rain cover"),
)
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
LONG = "Never-ending " + "x" * 1_000_000
HOSTILE = {
    "<b>bold</b>&amp;": SCRIPT,
    "javascript:alert(1)": "\u202eturned round\u202c \u2067right to left\u2069 \u200f\u200b",
    "long": LONG,
    "zero": "null\x01byte \x1b[31mred\x07 bell",
    "quote'\"/../?#%2F&k=3": "'\"><svg onload=alert(1)> {{7*7}} ${7*7}",
    "zalgo": "Z" + "\u0300" * 400 + "algo",
    "empty": "\u200b\u200b",
    "arabic": "خيمة تخييم <i>كبيرة</i>",
}
"""Title by id; all of one type whose name is no better, bought with the first tents."""
HOSTILE_TYPE = "Odd </h3><script>alert('type')</script> \u202ething"


def write_shop(folder: Path) -> Path:
    """Tables: three sizes of every product, baskets in order, views of products of one type."""
    folder.mkdir(parents=True)
    brands = ("Fjell", "Karst", "Moor & Co")
    products = [
        {
            "product_id": f"{kind.lower().replace(' ', '-')}-{i}-{size}",
            "title": f"{title} {'I' * (size + 1)}",
            "type": kind,
            "brand": brands[size],
            "price": round(6.5 + 11.3 * i + 4.1 * size + len(kind), 2),
            "in_stock": (i + size) % 4 != 0,
            "weight_g": 120 * (i + 1) + 35 * size,
        }
        for kind, titles in KINDS.items()
        for i, title in enumerate(titles)
        for size in range(3)
    ]
    by_kind = {k: [str(p["product_id"]) for p in products if p["type"] == k] for k in KINDS}
    odd = [
        {"product_id": name, "title": title, "type": HOSTILE_TYPE, "brand": "<u>Odd</u>"}
        for name, title in HOSTILE.items()
    ]
    pl.DataFrame(products + odd, infer_schema_length=None).write_parquet(
        folder / "products.parquet"
    )
    rng = np.random.default_rng(5)
    rows = []
    for visit in range(1600):
        trip = TRIPS[visit % len(TRIPS)]
        style = int(rng.integers(3))
        first = by_kind[trip[0]]
        liked = 1.0 / np.arange(1, len(first) + 1)
        seen = rng.choice(first, 3, replace=False, p=liked / liked.sum()).tolist()
        bought = [seen[0], *(by_kind[kind][3 * int(rng.integers(3)) + style] for kind in trip[1:])]
        if trip[0] == "Tent" and rng.random() < 0.3:
            bought += rng.choice(list(HOSTILE), 2, replace=False).tolist()
        when = datetime(2024, 1, 1) + timedelta(hours=3 * visit)
        rows += [
            {
                "user_id": f"u{visit % 60}",
                "session_id": f"s{visit}",
                "basket_id": f"b{visit}",
                "product_id": str(product),
                "event": event,
                "timestamp": when + timedelta(minutes=minute),
            }
            for minute, (event, product) in enumerate(
                [("view", p) for p in seen]
                + [("purchase", p) for p in bought if rng.random() < 0.9]
            )
        ]
    pl.DataFrame(rows).write_parquet(folder / "events.parquet")
    return folder
