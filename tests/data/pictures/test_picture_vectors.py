"""The column of picture vectors: read from lists and text; what is no vector is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.config import DataConfig
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.data.pictures.picture_column import clean_picture_vectors, picture_vectors
from goeswith.data.quarantine import ROW, Quarantine


def dataset(vectors: list[object], dtype: pl.DataType | None = None) -> Dataset:
    ids = [f"p{i}" for i in range(len(vectors))]
    products = pl.DataFrame({"product_id": ids}).with_columns(
        pl.Series("picture_vector", vectors, dtype=dtype, strict=False)
    )
    events = pl.DataFrame({"basket_id": ["1"] * len(ids), "product_id": ids})
    return Dataset.from_frames(events=events, products=products)


def test_a_vector_that_is_none_is_recorded_and_its_product_stays() -> None:
    vectors = [[1.0, 0.0], [0.5, 0.5], [1.0, 2.0, 3.0], [float("nan"), 1.0], [0.0, 0.0], None, []]
    data = dataset(list(vectors), pl.List(pl.Float64))
    column = data.catalog.frame["picture_vector"]
    assert column.dtype == pl.Array(pl.Float32, 2)
    assert column.is_not_null().to_list() == [True, True, False, False, False, False, False]
    rows = {row["row"]: row for row in data.quarantine.rows.iter_rows(named=True)}
    assert {row: entry["reason"].split(";")[0] for row, entry in rows.items()} == {
        3: "picture_vector does not have 2 numbers as the others",
        4: "picture_vector has a value that is not a finite number",
        5: "picture_vector is all zeros",
    }
    assert rows[3]["value"] == "1.0, 2.0, 3.0, ..."
    assert all(entry["kept"] for entry in rows.values())
    assert "pictures: 2 products have a vector of 2 numbers, 5 have none" in data.report.notes


def test_vectors_are_read_from_json_lines_csv_and_parquet(tmp_path: Path) -> None:
    products = pl.DataFrame(
        {"product_id": ["a", "b", "c"], "image_embedding": [[1.0, 2.0], [3.0, 4.5], None]}
    )
    events = pl.DataFrame({"basket_id": ["1", "1"], "product_id": ["a", "b"]})
    for kind in ("jsonl", "csv", "parquet"):
        folder = tmp_path / kind
        folder.mkdir()
        events.write_csv(folder / "events.csv")
        if kind == "jsonl":
            lines = [json.dumps(row) for row in products.iter_rows(named=True)]
            (folder / "products.jsonl").write_text("\n".join(lines))
        elif kind == "csv":
            text = [
                None if v is None else json.dumps(v) for v in products["image_embedding"].to_list()
            ]
            products.with_columns(image_embedding=pl.Series(text)).write_csv(
                folder / "products.csv"
            )
        else:
            products.write_parquet(folder / "products.parquet")
        column = load_data(folder).catalog.frame["picture_vector"]
        assert column.to_list() == [[1.0, 2.0], [3.0, 4.5], None], kind


def test_a_column_of_other_values_is_refused_and_one_of_text_recorded() -> None:
    with pytest.raises(DataError, match="list of numbers is expected"):
        dataset([1, 2, 3])
    data = dataset(["https://a.example/p.jpg", "red", None])
    assert "picture_vector" not in data.catalog.frame.columns
    assert data.quarantine.rows.height == 2


def test_raw_catalogues_of_several_lengths_are_refused() -> None:
    catalog = Catalog.from_records(
        [
            {"product_id": "a", "picture_vector": [1.0]},
            {"product_id": "b", "picture_vector": [1.0, 2.0]},
        ]
    )
    with pytest.raises(DataError, match="1, 2 numbers"):
        picture_vectors(catalog.frame)


numbers = st.one_of(st.none(), st.floats(width=64), st.integers(-3, 3))


@given(st.lists(st.one_of(st.none(), st.lists(numbers, max_size=4), st.text(max_size=8))))
def test_every_vector_is_used_recorded_or_missing(vectors: list[object]) -> None:
    texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in vectors]
    frame = pl.DataFrame(
        {ROW: range(1, len(texts) + 1), "picture_vector": pl.Series(texts, dtype=pl.String)},
        schema_overrides={ROW: pl.Int64},
    )
    quarantine = Quarantine()
    clean = clean_picture_vectors(frame, "products.csv", quarantine)
    used, recorded = set(), set(quarantine.rows["row"].to_list())
    if "picture_vector" in clean.columns:
        column = clean["picture_vector"]
        used = {row + 1 for row in column.is_not_null().arg_true().to_list()}
        values = np.array(column.drop_nulls().to_list())
        assert np.isfinite(values).all()
        assert values.any(axis=1).all()
    assert not used & recorded
    assert clean.height == len(texts)
    assert DataConfig().pictures.folder is None
