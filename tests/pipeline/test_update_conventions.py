"""Updates read a file as the fit read its events, where the file alone would be read otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from goeswith.core.errors import BundleError, DataError
from goeswith.data.config import DataConfig, ParentConfig
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, KindSettings, Settings

SETTINGS = Settings(
    fit=FitSettings(
        model="copurchase", fallbacks=["popularity"], k=4, session_model="none",
        keep_below_support=True,
    ),
    kinds=KindSettings(use="none"),
)  # fmt: skip
Row = dict[str, Any]
Shop = Callable[[int], list[Row]]
"""Rows of one day of May 2024."""


def lines(number: int, **values: object) -> list[Row]:
    products = (f"P{number % 5}", f"Q{number % 5}")
    return [{**values, "product_id": product, "event": "purchase"} for product in products]


def at(day: int, number: int) -> str:
    return f"2024-05-{day:02} {9 + number:02}:{7 * number % 60:02}:00"


def receipts(day: int) -> list[Row]:
    """Receipts 1 to 8, every day in each of two shops."""
    return [
        row
        for shop in ("north", "south")
        for n in range(1, 9)
        for row in lines(n + day, basket_id=str(n), timestamp=at(day, n), store=shop)
    ]


def one_till(day: int) -> list[Row]:
    return [
        row for n in range(1, 9) for row in lines(n + day, basket_id=str(n), timestamp=at(day, n))
    ]


def visits(day: int) -> list[Row]:
    """Each user's visits by number: on a day a number may belong to one user alone."""
    return [
        row
        for user in range(8)
        if (user + day) % 4 == 0
        for row in lines(
            user + day, session_id=str(day // 4 + user), user_id=f"u{user}", timestamp=at(day, user)
        )
    ]


SHOPS: dict[str, Shop] = {"receipts": receipts, "one till": one_till, "visits": visits}


def write(rows: list[Row], path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    pl.DataFrame(rows, infer_schema_length=None).write_csv(path)
    return path


def days(shop: Shop, first: int, last: int) -> list[Row]:
    return [row for day in range(first, last + 1) for row in shop(day)]


def fitted(rows: list[Row], folder: Path, settings: Settings = SETTINGS) -> Path:
    write(rows, folder / "data" / "events.csv")
    fit_bundle(load_data(folder / "data", settings=settings.data), folder / "bundle", settings)
    return folder / "bundle"


def pairs(bundle: Path) -> dict[tuple[str, str], int]:
    opened = Bundle.open(bundle)
    return {
        (source, answer.product_id): answer.evidence.bought_together
        for source in (f"P{i}" for i in range(5))
        for answer in opened.complements(source, 4)
        if answer.evidence.bought_together
    }


@pytest.mark.parametrize("shop", SHOPS)
def test_overlapping_exports_of_repeated_ids_count_once(shop: str, tmp_path: Path) -> None:
    rows = SHOPS[shop]
    bundle = fitted(days(rows, 1, 16), tmp_path)
    done = update_bundle(bundle, write(days(rows, 9, 20), tmp_path / "rolling.csv"))
    assert done.events == len(days(rows, 17, 20))
    assert done.skipped == len(days(rows, 9, 16))
    if shop == "visits":
        return  # purchases count in users, who are in both files
    (tmp_path / "all").mkdir()
    assert pairs(bundle) == pairs(fitted(days(rows, 1, 20), tmp_path / "all"))


@pytest.mark.parametrize("shop", SHOPS)
def test_files_of_a_day_are_compared_with_the_ids_of_the_fit(shop: str, tmp_path: Path) -> None:
    rows = SHOPS[shop]
    bundle = fitted(days(rows, 1, 16), tmp_path)
    with pytest.raises(BundleError, match="are already counted in"):
        update_bundle(bundle, write(rows(12), tmp_path / "again.csv"))
    for day in (17, 18):
        done = update_bundle(bundle, write(rows(day), tmp_path / f"{day}.csv"))
        assert (done.events, done.skipped) == (len(rows(day)), 0)
    done = update_bundle(bundle, write(days(rows, 14, 19), tmp_path / "rolling.csv"))
    assert (done.events, done.skipped) == (len(rows(19)), len(days(rows, 14, 18)))


def test_a_file_of_one_shop_counts_beside_that_of_another(tmp_path: Path) -> None:
    bundle = fitted(days(receipts, 1, 16), tmp_path)
    for shop in ("north", "south"):
        today = [row for row in receipts(17) if row["store"] == shop]
        done = update_bundle(bundle, write(today, tmp_path / f"{shop}.csv"))
        assert (done.events, done.skipped) == (16, 0)


def test_a_copy_with_other_line_ends_is_the_same_file(tmp_path: Path) -> None:
    rows = [{key: row[key] for key in ("product_id", "event", "store")} for row in receipts(1)]
    rows = [{**row, "user_id": f"u{i // 2}"} for i, row in enumerate(rows)]
    bundle = fitted(rows, tmp_path)
    text = (tmp_path / "data" / "events.csv").read_text()
    copy = tmp_path / "copy.csv"
    copy.write_bytes(text.replace("\n", "\r\n").encode())
    with pytest.raises(BundleError, match=r"already counted in .*, as events\.csv, since"):
        update_bundle(bundle, copy)


def order_lines(day: int) -> list[Row]:
    """Orders with the time and the user on the first line alone."""
    rows = []
    for n in range(6):
        first, second = lines(
            n + day, basket_id=f"o{day}-{n}", timestamp=at(day, n), user_id=f"u{n}"
        )
        rows += [first, {**second, "timestamp": None, "user_id": None}]
    return rows


def test_order_columns_of_a_small_file_are_those_of_the_fit(tmp_path: Path) -> None:
    bundle = fitted(days(order_lines, 1, 9), tmp_path)
    done = update_bundle(bundle, write(order_lines(10)[:4], tmp_path / "today.csv"))
    assert done.events == 4
    assert not done.quarantine


def guest_orders(day: int) -> list[Row]:
    return [
        row
        for n in range(8)
        for row in lines(
            n, basket_id=f"o{day}-{n}", timestamp=at(day, n), user_id="0" if n < 6 else f"u{day}{n}"
        )
    ]


def test_guests_of_the_fit_are_guests_in_an_update(tmp_path: Path) -> None:
    bundle = fitted(days(guest_orders, 1, 9), tmp_path)
    today = [row for row in guest_orders(10) if row["user_id"] != "0"][:2] + guest_orders(10)[:2]
    done = update_bundle(bundle, write(today, tmp_path / "today.csv"))
    assert any("'0' is used for guests" in note for note in done.notes)


def test_columns_are_those_that_the_fit_was_read_from(tmp_path: Path) -> None:
    def renamed(day: int) -> list[Row]:
        return [
            {"Order": row["basket_id"] + f"-{day}-{row['store']}", "Bought": row["timestamp"],
             "sku": row["product_id"]}
            for row in receipts(day)
        ]  # fmt: skip

    columns: dict[str, str | dict[str, str]] = {"basket_id": "Order", "timestamp": "Bought"}
    settings = SETTINGS.model_copy(update={"data": DataConfig(columns=columns)})
    bundle = fitted(days(renamed, 1, 8), tmp_path, settings)
    today = [{"item_id": f"row-{i}", **row} for i, row in enumerate(renamed(9))]
    assert update_bundle(bundle, write(today, tmp_path / "today.csv")).events == len(today)


def sizes(day: int) -> list[Row]:
    return [{**row, "product_id": f"{row['product_id']}-S"} for row in one_till(day)]


def test_variants_of_an_update_count_as_their_parents(tmp_path: Path) -> None:
    data = DataConfig(parent=ParentConfig(pattern="^(.+)-[SML]$"))
    bundle = fitted(days(sizes, 1, 9), tmp_path, SETTINGS.model_copy(update={"data": data}))
    before = pairs(bundle)
    large = [{**row, "product_id": row["product_id"].replace("-S", "-L")} for row in sizes(10)]
    assert update_bundle(bundle, write(large, tmp_path / "today.csv")).events == len(large)
    assert sum(pairs(bundle).values()) == sum(before.values()) + len(large) // 2


def test_parents_in_a_column_are_needed_in_the_events_of_an_update(tmp_path: Path) -> None:
    data = DataConfig(parent=ParentConfig(column="family"))
    rows = [{**row, "family": row["product_id"][:2]} for row in days(sizes, 1, 9)]
    bundle = fitted(rows, tmp_path, SETTINGS.model_copy(update={"data": data}))
    with pytest.raises(DataError, match=r"no column 'family'.* add it, or fit again"):
        update_bundle(bundle, write(sizes(10), tmp_path / "today.csv"))
    today = [{**row, "family": row["product_id"][:2]} for row in sizes(10)]
    assert update_bundle(bundle, write(today, tmp_path / "today.csv")).events == len(today)
