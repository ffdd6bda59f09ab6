"""What is exported is what a bundle answers, a block at a time."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from goeswith.bundle.bundle import Bundle
from goeswith.bundle.constraints import Constraints
from goeswith.errors import BundleError
from goeswith.export import rows as module
from goeswith.export.rows import AnswerRows

Expected = Callable[[Bundle, int], list[tuple[object, ...]]]


def listed(
    rows: AnswerRows, without: tuple[str, ...] = ("probability",)
) -> list[tuple[object, ...]]:
    table = pa.Table.from_batches(rows, rows.schema).drop_columns(list(without))
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize("size", [1, 7, 50_000])
def test_rows_are_the_answers_of_the_bundle_whatever_the_block(
    bundle: Bundle, expected: Expected, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", size)
    rows = AnswerRows(bundle, 5)
    assert listed(rows) == expected(bundle, 5)
    assert rows.rows == len(expected(bundle, 5))
    assert rows.answered == len({source for source, *_ in expected(bundle, 5)})


def test_one_by_one_and_in_blocks_give_the_same_rows(bundle: Bundle) -> None:
    explained = AnswerRows(bundle, 5, explain=True)
    assert listed(explained, ("probability", "why")) == listed(AnswerRows(bundle, 5))


def test_every_row_says_why_where_that_is_asked_for(bundle: Bundle) -> None:
    table = pa.Table.from_batches(AnswerRows(bundle, 2, explain=True))
    said = {(row["source_id"], row["target_id"]): row["why"] for row in table.to_pylist()}
    for answer in bundle.complements("a/b", 2):
        assert said["a/b", answer.product_id] == answer.why


def test_only_a_calibrated_model_gives_probabilities(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bundle.manifest, "probabilities", ["cocitation"])
    for rows in (AnswerRows(bundle, 5), AnswerRows(bundle, 5, explain=True)):
        table = pa.Table.from_batches(rows)
        assert {row["model"] for row in table.to_pylist()} > {"cocitation"}
        for row in table.to_pylist():
            assert row["probability"] == (row["score"] if row["model"] == "cocitation" else None)


def test_constraints_and_the_slate_of_the_bundle_hold(
    bundle: Bundle, expected: Expected, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Constraints.of(["type=case"], ban=["a/b"])
    table = pa.Table.from_batches(AnswerRows(bundle, 4, asked))
    kinds = {bundle.product(row["target_id"])["type"] for row in table.to_pylist()}
    assert kinds == {"case"}
    assert "a/b" not in table["target_id"].to_pylist()
    plain = listed(AnswerRows(bundle, 3))
    monkeypatch.setitem(bundle.slate_settings, "per_type", 1)
    monkeypatch.setattr(bundle, "plain", False)
    slated = listed(AnswerRows(bundle, 3))
    assert slated == expected(bundle, 3)
    assert slated != plain


def test_progress_is_told_and_more_than_there_is_refused(bundle: Bundle) -> None:
    told: list[tuple[int, int, str]] = []
    list(AnswerRows(bundle, 1, progress=lambda *step: told.append(step)))
    assert told[0] == (0, len(bundle), "exporting")
    with pytest.raises(BundleError, match="holds 6 answers a product, 7 were asked for"):
        AnswerRows(bundle, 7)
