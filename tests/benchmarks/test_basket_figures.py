"""The table of the ranker of baskets has the figures of the results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = {
    "baskets:form=popularity": "popularity",
    "baskets": "confidence",
    "baskets:prior=100": "confidence, prior 100",
    "baskets:by_basket=true,prior=10": "confidence by basket",
    "baskets:form=llr": "llr",
    "baskets:form=cosine": "cosine",
    "baskets:form=ease": "ease",
    "baskets:form=ease,by_basket=true": "ease by basket",
    "basket_ranker:popularity_discount=0": "basket_ranker, discount 0",
    "basket_ranker": "basket_ranker, discount 0.1",
    "basket_ranker:popularity_discount=.2": "basket_ranker, discount 0.2",
    "basket_ranker:popularity_discount=.35": "basket_ranker, discount 0.35",
    "basket_ranker:popularity_discount=.5": "basket_ranker, discount 0.5",
}


def _table() -> list[list[str]]:
    text = (ROOT / "docs/models/basket_ranker.md").read_text()
    lines = text.split("## Results")[1].split("## Limits")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return [row for row in rows if not row[1].startswith("---")]


def _figures(results: dict[str, dict[str, float]], name: str) -> str:
    means = results[name]
    pair = (f"{means[metric]:.3f}".lstrip("0") for metric in ("attach@10", "stratified@10"))
    return " / ".join(pair)


@pytest.mark.parametrize("column", range(1, len(_table()[0])))
def test_the_table_has_the_figures_of_the_results(column: int) -> None:
    header, *rows = _table()
    path = ROOT / "benchmarks/results" / f"basket-{header[column]}.json"
    results = {row["model"]: row["mean"] for row in json.loads(path.read_text())["results"]}
    shown = {row[0].strip("`"): row[column] for row in rows}
    expected = {model: _figures(results, name) for model, name in ROWS.items()}
    assert shown == expected, f"copy into the column {header[column]}: {expected}"
