"""What is exported is what a bundle answers, a block at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from goeswith.core.errors import BundleError, ConfigError
from goeswith.export import recommendation_rows as module
from goeswith.export.recommendation_rows import RecommendationRows
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints

Expected = Callable[[Bundle, int], list[tuple[object, ...]]]


def listed(
    rows: RecommendationRows, without: tuple[str, ...] = ("probability",)
) -> list[tuple[object, ...]]:
    table = pa.Table.from_batches(rows, rows.schema).drop_columns(list(without))
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize("size", [1, 7, 50_000])
def test_rows_are_the_answers_of_the_bundle_whatever_the_block(
    bundle: Bundle, expected: Expected, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", size)
    rows = RecommendationRows(bundle, 5)
    assert listed(rows) == expected(bundle, 5)
    assert rows.rows == len(expected(bundle, 5))
    assert rows.products == len({source for source, *_ in expected(bundle, 5)})


def test_one_by_one_and_in_blocks_give_the_same_rows(bundle: Bundle) -> None:
    explained = RecommendationRows(bundle, 5, explain=True)
    assert listed(explained, ("probability", "why")) == listed(RecommendationRows(bundle, 5))


def test_every_row_says_why_where_that_is_requested(bundle: Bundle) -> None:
    table = pa.Table.from_batches(RecommendationRows(bundle, 2, explain=True))
    said = {(row["source_id"], row["target_id"]): row["why"] for row in table.to_pylist()}
    for answer in bundle.complements("a/b", 2):
        assert said["a/b", answer.product_id] == answer.why


def test_only_a_calibrated_model_gives_probabilities(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bundle.manifest, "probabilities", ["cocitation"])
    for rows in (RecommendationRows(bundle, 5), RecommendationRows(bundle, 5, explain=True)):
        table = pa.Table.from_batches(rows)
        assert {row["model"] for row in table.to_pylist()} > {"cocitation"}
        for row in table.to_pylist():
            assert row["probability"] == (row["score"] if row["model"] == "cocitation" else None)


def test_constraints_and_the_slate_of_the_bundle_hold(
    bundle: Bundle, expected: Expected, monkeypatch: pytest.MonkeyPatch
) -> None:
    constraints = Constraints.from_text(["type=case"], ban=["a/b"])
    table = pa.Table.from_batches(RecommendationRows(bundle, 4, constraints))
    kinds = {bundle.product(row["target_id"])["type"] for row in table.to_pylist()}
    assert kinds == {"case"}
    assert "a/b" not in table["target_id"].to_pylist()
    plain = listed(RecommendationRows(bundle, 3))
    monkeypatch.setitem(bundle.slate_settings, "per_type", 1)
    monkeypatch.setattr(bundle, "keeps_ranking", False)
    slated = listed(RecommendationRows(bundle, 3))
    assert slated == expected(bundle, 3)
    assert slated != plain


def test_progress_is_reported_and_more_than_there_is_refused(bundle: Bundle) -> None:
    steps: list[tuple[int, int, str]] = []
    list(RecommendationRows(bundle, 1, progress=lambda *step: steps.append(step)))
    assert steps[0] == (0, len(bundle), "exporting")
    with pytest.raises(BundleError, match="stores 6 recommendations per product, but k is 7"):
        RecommendationRows(bundle, 7)


@pytest.mark.parametrize("parts", [1, 3, 40])
def test_parts_one_after_the_other_are_the_whole(bundle: Bundle, parts: int) -> None:
    each = [listed(RecommendationRows(bundle, 5, part=(number, parts))) for number in range(parts)]
    assert [row for part in each for row in part] == listed(RecommendationRows(bundle, 5))
    assert max(map(len, each)) <= 5 * -(-len(bundle) // parts)


@pytest.mark.parametrize("part", [(3, 3), (-1, 3), (0, 0)])
def test_a_part_that_is_none_is_refused(bundle: Bundle, part: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="the first is 0"):
        RecommendationRows(bundle, 5, part=part)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")  # its own, of pandas and of sockets
def test_spark_gives_the_rows_that_one_process_gives(bundle: Bundle, spark: Any) -> None:
    from goeswith.export.spark import answers

    assert isinstance(bundle.path, Path)
    found = answers(spark, bundle.path, 5, parts=3).collect()
    rows = [tuple(row[name] for name in row.__fields__) for row in found]
    table = pa.Table.from_batches(RecommendationRows(bundle, 5))
    assert rows == [tuple(row.values()) for row in table.to_pylist()]
