"""Variations of the cases about views beside orders; see `fault_variations.py`."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import goeswith
from fitted_variations import NO_SETTINGS, fit
from goeswith.data.config import DataConfig
from goeswith.relations.build_graph import build_graph
from shop_exports import START, Line, Result, any_layout, changed, orders, visits, write


def orders_without_views(folder: Path, rng: random.Random, number: int) -> Result:
    """Orders with sessions and views: co-views are counted among sessions that hold a view."""
    scale = (1, 2, 5)[number % 3]
    bought = orders(rng, 60 * scale)
    seen = visits(rng, 20 * scale)
    if number % 2:
        bought = [changed(line, session_id=f"b{line['basket_id']}") for line in bought]
    layout = any_layout(rng)
    write(folder, seen + bought, layout, rng)
    data = goeswith.load_data(folder, settings=DataConfig(**layout.settings))
    contexts = float(build_graph(data)["co_view"].contexts or 0)
    return contexts == 20 * scale, {"co_view": contexts, "sessions with a view": 20 * scale}


def few_sessions(folder: Path, rng: random.Random, number: int) -> Result:
    """A handful of sessions with both products: the pair of many baskets stays a complement."""
    together = (40, 60, 90, 150, 250)[number % 5]
    others, views, few = together * 3, rng.choice((30, 100, 400)), 1 + number % 3
    lines: list[Line] = []

    def order(name: str, products: tuple[str, ...]) -> None:
        moment = START + timedelta(hours=2 * len(lines))
        lines.extend(
            {"product_id": product, "event": "purchase", "timestamp": moment,
             "basket_id": f"o{name}", "user_id": f"u{name}", "session_id": None}
            for product in products
        )  # fmt: skip

    for n in range(together):
        order(f"b{n}", ("camera", "lens"))
    for n in range(others):
        order(f"x{n}", tuple(rng.sample([f"other-{i}" for i in range(9)], 2)))
    for n in range(together // 3):
        order(f"c{n}", ("camera", f"other-{n % 9}"))
    seen = [(f"v{n}", f"other-{n % 9}", "view", 0) for n in range(views)]
    seen += [(f"v{n}", "lens", "view", 1) for n in range(0, views, 5)]
    for n in range(few):  # who views the lens and takes the camera, or views both
        seen.append((f"f{n}", "lens", "view", 0))
        seen.append((f"f{n}", "camera", "view" if number % 2 else "purchase", 1))
    for n, (session, product, event, minute) in enumerate(seen):
        lines.append({
            "product_id": product, "event": event, "session_id": session, "user_id": session,
            "basket_id": f"o{session}" if event == "purchase" else None,
            "timestamp": START + timedelta(hours=n, minutes=minute),
        })  # fmt: skip
    layout = any_layout(rng, plain_names=True)
    layout.form, layout.time = rng.choice(NO_SETTINGS), "%Y-%m-%d %H:%M:%S"
    write(folder / "shop", lines, layout, rng)
    bundle = fit(folder / "shop", folder / "bundle")
    first = {
        source: [answer.product_id for answer in bundle.complements(source, 1)]
        for source in ("camera", "lens")
    }
    return first == {"camera": ["lens"], "lens": ["camera"]}, {"few": few, **first}
