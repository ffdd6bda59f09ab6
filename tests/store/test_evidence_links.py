"""Which product links two others that were never bought together."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from goeswith.data.dataset import Dataset
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, Settings
from goeswith.store.evidence import Evidence

IDS = ["source", "target", "hub", "niche", "x", "y"]
OTHERS = [["x", "y"]] * 500


def evidence_of(baskets: list[list[str]], folder: Path) -> tuple[Bundle, Evidence]:
    """Of the target for the source, in a shop with these baskets and 500 of other products."""
    rows = [
        {"product_id": name, "basket_id": str(basket)}
        for basket, names in enumerate([*baskets, *OTHERS])
        for name in names
    ]
    dataset = Dataset.from_frames(pl.DataFrame(rows), pl.DataFrame({"product_id": IDS}))
    fit = FitSettings(model="popularity", fallbacks=[], k=5)
    fit_bundle(dataset, folder, Settings(fit=fit))
    bundle = Bundle.open(folder)
    found = {answer.product_id: answer for answer in bundle.complements("source", 5)}
    return bundle, found["target"].evidence


def lower_bound(bundle: Bundle, source: str, target: str) -> float:
    answers = {answer.product_id: answer for answer in bundle.complements(source, 5)}
    bound = answers[target].evidence.pmi_lower
    assert bound is not None
    return bound


def test_a_product_in_most_baskets_links_nothing(tmp_path: Path) -> None:
    baskets = [["source", "hub"]] * 20 + [["target", "hub"]] * 20 + [["x", "hub"]] * 400
    bundle, evidence = evidence_of(baskets, tmp_path / "b")
    assert 0 < lower_bound(bundle, "source", "hub") < 0.4
    assert evidence.basis == "popular"
    assert evidence.link is None


def test_a_rare_product_links_before_a_frequent_one(tmp_path: Path) -> None:
    baskets = [[name, "hub"] for name in ("source", "target") for _ in range(16)]
    baskets += [[name, "hub", "niche"] for name in ("source", "target") for _ in range(4)]
    bundle, evidence = evidence_of([*baskets, *[["x", "hub"]] * 5], tmp_path / "b")
    # by the weaker edge alone it would be the other one
    assert lower_bound(bundle, "source", "hub") > lower_bound(bundle, "source", "niche") > 0.5
    assert evidence.link is not None
    assert evidence.link.product_id == "niche"
    assert (evidence.link.with_source, evidence.link.with_target) == (4, 4)


def test_a_frequent_product_links_where_it_is_all_there_is(tmp_path: Path) -> None:
    baskets = [[name, "hub"] for name in ("source", "target") for _ in range(20)]
    _, evidence = evidence_of(baskets, tmp_path / "b")
    assert evidence.link is not None
    assert evidence.link.product_id == "hub"
