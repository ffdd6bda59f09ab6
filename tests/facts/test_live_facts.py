"""Live facts of a bundle: seen at once, kept in new builds until their catalogue says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import DataError, UnknownProductError
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.quarantine import Quarantine
from goeswith.facts.availability import availability_flags
from goeswith.facts.fact_writer import FactChange, FactWriter
from goeswith.facts.filters import match_market, match_products, parse_filter
from goeswith.facts.sparse_column import SparseColumn
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints
from goeswith.relations.graph import RelationGraph
from goeswith.settings.sections import FitSettings, Settings, SlateSettings

RECORDS = [
    {"product_id": str(i), "price": 10.0 + i, "brand": "ab"[i % 2], "in_stock": i != 5}
    for i in range(8)
]


def fit(path: Path, records: list[dict[str, Any]], **settings: Any) -> Bundle:
    catalog = Catalog.from_records(records)
    edges = [(u, v, "co_purchase") for u in range(len(records)) for v in range(len(records))]
    graph = RelationGraph.from_edges(len(catalog), [e for e in edges if e[0] != e[1]])
    dataset = Dataset("s", Path(), catalog, None, None, None, None, Quarantine(), "0")
    model = FitSettings(model="copurchase:measure=count", fallbacks=["popularity"], k=6)
    fit_bundle(dataset, path, Settings(fit=model, **settings), graph=graph)
    return Bundle.open(path)


def change(bundle: Bundle, product_id: str, **attributes: Any) -> Any:
    return FactWriter(bundle, bundle.live).write([FactChange(product_id, attributes)])


def ids(answers) -> list[str]:
    return [answer.product_id for answer in answers]


def test_the_catalogue_says_what_is_sold_out_until_a_fact_does(tmp_path: Path) -> None:
    bundle = fit(tmp_path / "b", RECORDS)
    assert "5" not in ids(bundle.complements("0", 6))
    assert "5" in ids(bundle.complements("0", 6, Constraints(include=("sold_out",))))
    change(bundle, "5", stock=3)
    change(bundle, "1", visible=False)
    shown = ids(bundle.complements("0", 6))
    assert "5" in shown
    assert "1" not in shown
    assert "1" not in ids(bundle.basket(["0", "2"], 5))
    assert "1" not in [hit.product_id for hit in bundle.lookup("0", 6)]
    assert "1" in ids(bundle.complements("0", 6, Constraints(include=("hidden",))))


def test_a_fact_stays_in_new_builds_until_the_catalogue_says_otherwise(tmp_path: Path) -> None:
    bundle = fit(tmp_path / "b", RECORDS)
    change(bundle, "1", price=5, brand="c")
    change(bundle, "2", price=6)
    FactWriter(bundle, bundle.live).write([FactChange("3", {}, deleted=True)])
    again = [{**r, "price": 50.0} if r["product_id"] == "1" else r for r in RECORDS]
    new = fit(tmp_path / "b", again)
    assert new.product("1")["price"] == 50.0
    assert new.product("1")["brand"] == "c"
    assert new.product("2")["price"] == 6.0
    with pytest.raises(UnknownProductError, match="was deleted"):
        new.product("3")
    # the fact that has ended does not come back with the former value
    assert fit(tmp_path / "b", RECORDS).product("1")["price"] == 11.0


def test_a_build_that_nobody_settled_is_compared_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = fit(tmp_path / "b", RECORDS)
    change(bundle, "1", price=5)
    change(bundle, "2", price=6)
    monkeypatch.setattr("goeswith.pipeline.fit_bundle.settle_path", lambda _: 0)
    again = [{**r, "price": 50.0} if r["product_id"] == "1" else r for r in RECORDS]
    new = fit(tmp_path / "b", again)
    assert (new.product("1")["price"], new.product("2")["price"]) == (50.0, 6.0)
    change(new, "4", price=1)  # settles first
    other = Bundle.open(tmp_path / "b")
    assert [other.product(i)["price"] for i in "124"] == [50.0, 6.0, 1.0]


def test_a_new_log_is_of_the_build_that_it_begins_with(tmp_path: Path) -> None:
    bundle = fit(tmp_path / "b", RECORDS)
    change(bundle, "1", price=5)
    # so that no service has to compare every fact with its catalogue
    assert bundle.live.settled == bundle.id
    other = Bundle.open(tmp_path / "b")
    other.refresh()
    assert other.live.settled == bundle.id


def test_equal_values_are_not_written_again(tmp_path: Path) -> None:
    bundle = fit(tmp_path / "b", RECORDS)
    writer = FactWriter(bundle, bundle.live)
    first = writer.write([FactChange("1", {"price": 3}), FactChange("2", {"price": 12.0})])
    assert (first.changed, first.unchanged) == (1, 1)
    second = writer.write([FactChange("1", {"price": "3.0"}), FactChange("9", {"price": 1})])
    assert (second.changed, second.unchanged, len(second.skipped)) == (0, 1, 1)


def test_an_invalid_value_writes_nothing(tmp_path: Path) -> None:
    bundle = fit(tmp_path / "b", RECORDS)
    changes = [FactChange("1", {"price": 3}), FactChange("2", {"price": "cheap"})]
    with pytest.raises(DataError, match="price = 'cheap' is not a number"):
        FactWriter(bundle, bundle.live).write(changes)
    assert bundle.product("1")["price"] == 11.0
    report = FactWriter(bundle, bundle.live).write(changes, skip_invalid=True)
    assert (report.changed, len(report.skipped)) == (1, 1)


def test_slate_settings_show_alternatives_of_what_is_sold_out(tmp_path: Path) -> None:
    records = [{**r, "type": "t"} for r in RECORDS]
    catalog = Catalog.from_records(records)
    edges = [(0, v, "co_purchase") for v in range(1, 6)] + [(0, 6, "co_view"), (0, 7, "co_view")]
    graph = RelationGraph.from_edges(len(catalog), edges)
    dataset = Dataset("s", Path(), catalog, None, None, None, None, Quarantine(), "0")
    model = FitSettings(model="copurchase:measure=count", fallbacks=[], k=6)
    settings = Settings(fit=model, slate=SlateSettings(when_sold_out=2))
    fit_bundle(dataset, tmp_path / "b", settings, graph=graph)
    bundle = Bundle.open(tmp_path / "b")
    before = ids(bundle.complements("0", 4))
    change(bundle, "0", in_stock=False)
    answers = bundle.complements("0", 4)
    assert [a.relation for a in answers] == ["similar", "similar", "complement", "complement"]
    assert set(ids(answers)[:2]) == {"6", "7"}
    assert ids(answers)[2:] == before[:2]


VALUES = st.dictionaries(
    st.integers(0, 7),
    st.fixed_dictionaries(
        {},
        optional={
            "price": st.one_of(st.none(), st.integers(0, 30).map(float)),
            "brand": st.sampled_from(["a", "b", "c"]),
            "in_stock": st.booleans(),
            "markets": st.lists(st.sampled_from(["de", "fr"]), max_size=2),
        },
    ),
    max_size=6,
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live") / "b"
    fit(path, RECORDS)
    return path


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_filters_are_those_of_a_catalogue_with_the_new_values(shop: Path, rounds) -> None:
    log = shop / "live" / "facts.log"
    log.unlink(missing_ok=True)
    bundle = Bundle.open(shop)
    frame = {r["product_id"]: {**r, "markets": None} for r in RECORDS}
    filters = [parse_filter(t) for t in ("price<15", "brand=a", "in_stock=true", "brand!=c")]
    for values in rounds:
        for row, attributes in values.items():
            FactWriter(bundle, bundle.live).write([FactChange(str(row), attributes)])
            for name, value in attributes.items():
                base = RECORDS[row].get(name)
                frame[str(row)][name] = base if value is None else value
        bundle.refresh()
        records = list(frame.values())
        for one in filters:
            held = pl.DataFrame(records, infer_schema_length=None)
            from goeswith.facts.filters import match_rows

            assert match_products(bundle.live, [one]).tolist() == match_rows(held, [one]).tolist()
        is_for = [not r["markets"] or "de" in r["markets"] for r in records]
        assert match_market(bundle.live, "de").tolist() == is_for


@given(
    st.lists(st.tuples(st.integers(0, 50), st.one_of(st.none(), st.floats(0, 9))), max_size=60),
    st.integers(1, 10),
)
def test_a_sparse_column_is_a_dictionary(changes, size: int) -> None:
    column, plain = SparseColumn(np.float64), {}
    for i, (row, value) in enumerate(changes):
        if value is None:
            column.pop(row)
            plain.pop(row, None)
        else:
            column.set(row, value)
            plain[row] = value
        if i % size == 0:
            column.rows()
    assert {row: column.get(row) for row in range(51) if column.get(row) is not None} == plain
    assert column.rows().tolist() == sorted(plain)


def test_words_of_other_tools_say_that_a_product_is_sold_out(tmp_path: Path) -> None:
    words = ["out of stock", "Out_of_stock", "N", "nein", "sold-out", "in stock", "yes", "1"]
    flags = availability_flags(pl.DataFrame({"in_stock": words}))
    assert flags is not None
    assert flags.astype(bool).tolist() == [True] * 5 + [False] * 3
    bundle = fit(tmp_path / "b", [{**r, "in_stock": "in stock"} for r in RECORDS])
    change(bundle, "3", in_stock="Out of stock")
    assert "3" not in ids(bundle.complements("0", 6))
    with pytest.raises(DataError, match="is not true or false"):
        change(bundle, "2", in_stock="perhaps")
