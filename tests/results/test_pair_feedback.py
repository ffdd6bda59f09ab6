"""Clicks of pairs from a log: an impression at a low rank is expected to be clicked less."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.results.reports.pair_feedback import read_pair_clicks

CATALOG = Catalog.from_records(
    [{"product_id": name, "type": kind} for name, kind in (("p", "phone"), ("a", "case"),
                                                          ("b", "case"))]
)  # fmt: skip


def write_log(folder: Path, visits: int) -> None:
    """Two equal products; the first rank is examined always, the second every other time."""
    rng, lines = np.random.default_rng(0), []
    for i in range(visits):
        products = ["a", "b"] if i % 4 else ["b", "a"]
        stamp = f"2026-01-01T{i % 20:02d}:00:00+00:00"
        lines.append(
            {"event": "answer", "timestamp": stamp, "recommendation_id": f"r{i}",
             "user_id": f"u{i}", "counted": "sent", "source_id": "p",
             "source_type": "phone", "products": products,
             "types": ["case"] * 2}
        )  # fmt: skip
        for product, examined in zip(products, (1.0, 0.5), strict=True):
            if rng.random() < 0.3 * examined:
                event = {"timestamp": stamp, "product_id": product, "user_id": f"u{i}"}
                lines.append({"event": "click", "recommendation_id": f"r{i}", **event})
                if i % 2:
                    lines.append({"event": "purchase", "order_id": f"o{i}", "price": 1, **event})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "feedback-a-1.jsonl").write_text(text, encoding="utf-8")


def test_equal_products_have_equal_ratios_at_different_ranks(tmp_path: Path) -> None:
    write_log(tmp_path, 3000)
    found = read_pair_clicks(tmp_path, CATALOG)
    assert found.targets.tolist() == [1, 2]
    assert found.clicks[0] > 1.3 * found.clicks[1]  # a is higher three times out of four
    assert found.clicks / found.expected_clicks == pytest.approx([1, 1], abs=0.12)
    assert found.attached.sum() == pytest.approx(found.clicks.sum() / 2, rel=0.1)
    assert found.attached / found.expected_attached == pytest.approx([1, 1], abs=0.2)


def test_a_log_of_another_shop_is_refused(tmp_path: Path) -> None:
    write_log(tmp_path, 2)
    other = Catalog.from_records([{"product_id": "x", "type": "phone"}])
    with pytest.raises(DataError, match="no answers for products of this catalogue"):
        read_pair_clicks(tmp_path, other)
