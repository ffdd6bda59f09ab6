"""One file, whole or not at all, that gives back any text as it was."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import ConfigError
from goeswith.core.printable import is_formula
from goeswith.export.recommendation_files import WRITERS
from goeswith.export.recommendation_rows import RecommendationRows
from goeswith.query.bundle import Bundle

PIPELINES: dict[str, Callable[[str], Any]] = {
    "rank": int,
    "bought_together": int,
    "score": float,
    "probability": lambda text: float(text) if text else None,
    "fallback": lambda text: text == "true",
}


def read(path: Path) -> list[dict[str, Any]]:
    """A file's rows, by a reader that is not the writer's."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open(encoding="utf-8", newline="" if path.suffix == ".csv" else "\n") as file:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in file]
        return [
            {name: PIPELINES.get(name, str)(value) for name, value in row.items()}
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_holds_the_answers_of_the_bundle(
    bundle: Bundle,
    expected: Callable[[Bundle, int], list[tuple[object, ...]]],
    kind: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / "new folder" / f"answers.{kind}"
    WRITERS[kind](RecommendationRows(bundle, 5), path)
    found = read(path)
    assert list(found[0]) == RecommendationRows(bundle, 5).schema.names
    assert {row.pop("probability") for row in found} == {None}
    wanted = expected(bundle, 5)
    if kind == "csv":  # a spreadsheet would compute this id
        wanted = [tuple("'=1+1" if value == "=1+1" else value for value in row) for row in wanted]
    assert [tuple(row.values()) for row in found] == wanted


def test_a_parquet_file_names_its_bundle(bundle: Bundle, tmp_path: Path) -> None:
    WRITERS["parquet"](RecommendationRows(bundle, 1), tmp_path / "a.parquet")
    assert pq.read_schema(tmp_path / "a.parquet").metadata[b"goeswith.bundle"] == bundle.id.encode()


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "source_id": st.text(min_size=1),
            "target_id": st.text(st.sampled_from(list("\"\\,;'\n\r\t\0 aé\u2028\u202e\ufeff🙂"))),
            "score": st.floats(allow_nan=False, allow_infinity=False),
            "probability": st.none() | st.floats(0, 1),
            "rank": st.integers(1, 1000),
            "fallback": st.booleans(),
        }
    ),
    max_size=6,
)
SCHEMA = pa.schema(
    {
        "source_id": pa.string(),
        "target_id": pa.string(),
        "score": pa.float64(),
        "probability": pa.float64(),
        "rank": pa.int32(),
        "fallback": pa.bool_(),
    }
)


@pytest.mark.parametrize("kind", WRITERS)
@settings(max_examples=25, deadline=None)
@given(blocks=st.lists(ROWS, max_size=3))
def test_any_text_and_number_comes_back_as_it_was(
    kind: str, blocks: list[list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    class Rows(SimpleNamespace):
        schema = SCHEMA

        def __iter__(self) -> Iterator[pa.RecordBatch]:
            return (pa.RecordBatch.from_pylist(block, SCHEMA) for block in blocks)

    path = tmp_path_factory.getbasetemp() / f"any.{kind}"
    WRITERS[kind](Rows(), path)  # type: ignore[arg-type]
    rows = [row for block in blocks for row in block]
    if kind == "csv":  # what a spreadsheet would compute has an apostrophe before it
        rows = [
            {
                name: f"'{value}" if isinstance(value, str) and is_formula(value) else value
                for name, value in row.items()
            }
            for row in rows
        ]
    assert read(path) == rows


@pytest.mark.parametrize("kind", WRITERS)
def test_an_export_that_ends_early_leaves_the_file_that_was_there(
    bundle: Bundle, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "answers"
    path.write_text("old")

    def stop(done: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WRITERS[kind](RecommendationRows(bundle, 5, progress=stop), path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["answers"]
    assert path.read_text() == "old"


def test_the_next_export_removes_what_a_killed_one_left(bundle: Bundle, tmp_path: Path) -> None:
    gone, running = tmp_path / ".a[1].csv.999999999.part", tmp_path / ".a[1].csv.1.part"
    other = tmp_path / ".b.csv.999999999.part"
    for left in (gone, running, other):
        left.touch()
    WRITERS["csv"](RecommendationRows(bundle, 1), tmp_path / "a[1].csv")
    assert [left.exists() for left in (gone, running, other)] == [False, True, True]


def test_what_is_no_file_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, why in [
        (tmp_path, "is a folder"),
        (tmp_path / "file" / "a.csv", "cannot be written"),
    ]:
        with pytest.raises(ConfigError, match=why):
            WRITERS["csv"](RecommendationRows(bundle, 1), path)
