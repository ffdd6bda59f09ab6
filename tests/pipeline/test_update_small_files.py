"""Files of a day: small, with a few bad rows, and times whose order the fit has shown."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, KindSettings, Settings
from goeswith.store.counted_contexts import CountedContexts

SETTINGS = Settings(
    fit=FitSettings(model="copurchase", fallbacks=["popularity"], k=8, session_model="none"),
    kinds=KindSettings(use="none"),
)
GOOD = {"event": "purchase", "timestamp": "2024-07-02 10:00"}
Row = dict[str, Any]


def good(count: int) -> list[Row]:
    return [
        {**GOOD, "basket_id": f"n{i // 2}", "session_id": f"n{i // 2}", "product_id": product}
        for i in range(count)
        for product in [("phone-0", "tripod-0")[i % 2]]
    ]


def bad(count: int, **values: object) -> list[Row]:
    return [{**good(2)[0], "basket_id": f"bad{i}", **values} for i in range(count)]


UNKNOWN = {"product_id": "unheard-of"}
COUNTED: dict[str, tuple[list[Row], int]] = {
    "two new products in twenty rows": ([*good(18), *bad(2, **UNKNOWN)], 18),
    "one new product in two rows": ([*good(3), *bad(1, **UNKNOWN)], 3),
    "forty new products in a hundred rows": ([*good(60), *bad(40, **UNKNOWN)], 60),
    "a time that cannot be read": ([*good(9), *bad(1, timestamp="yesterday")], 9),
    "a missing time": ([*good(5), *bad(2, timestamp=None)], 5),
    "a missing product": ([*good(9), *bad(1, product_id=None)], 9),
    "no basket and no session": ([*good(9), *bad(1, basket_id=None, session_id=None)], 9),
    "an unknown event": ([*good(9), *bad(1, event="refund")], 9),
    "a return": ([*good(9), *bad(1, quantity=-1)], 9),
    "ten bad rows of thirty": ([*good(20), *bad(10, timestamp="?")], 20),
    "several reasons": (
        [*good(12), *bad(2, **UNKNOWN), *bad(2, timestamp="?"), *bad(1, event="?")],
        12,
    ),
    "one row in three": ([*good(2), *bad(1, timestamp="?")], 2),
    "one good row": (good(1), 1),
}
REFUSED: dict[str, tuple[list[Row], str]] = {
    "half of the products unknown": (
        [*good(10), *bad(10, **UNKNOWN)],
        "10 of 20 rows have products .*unheard-of.*--products",
    ),
    "every product unknown": (bad(10, **UNKNOWN), "10 of 10 rows have products"),
    "half of the times unreadable": (
        [*good(4), *bad(4, timestamp="?")],
        "4 of 8 rows cannot be used",
    ),
    "eleven bad rows of forty": (
        [*good(29), *bad(11, timestamp="?")],
        "11 of 40 rows cannot be used",
    ),
    "every row bad": (bad(3, event="?"), "3 of 3 rows cannot be used"),
}


@pytest.fixture(scope="module")
def fitted(shop_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "bundle"
    fit_bundle(load_data(shop_folder), out, SETTINGS)
    return out


@pytest.fixture
def bundle(fitted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fitted, tmp_path / "bundle"))


def write(rows: list[Row], path: Path) -> Path:
    pl.DataFrame(rows, infer_schema_length=None).write_csv(path)
    return path


@pytest.mark.parametrize("case", COUNTED)
def test_a_few_bad_rows_are_set_aside_and_counted(case: str, bundle: Path, tmp_path: Path) -> None:
    rows, count = COUNTED[case]
    done = update_bundle(bundle, write(rows, tmp_path / "today.csv"))
    assert done.events == count
    assert sum(entry["rows"] for entry in done.quarantine) == len(rows) - count
    assert any("unheard-of" in note for note in done.notes) == (
        "unheard-of" in {row["product_id"] for row in rows}
    )
    stored = Bundle.open(bundle, verify=True).manifest["data"]["quarantine"]
    assert sum(entry["rows"] for entry in stored) == len(rows) - count


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_bad_in_large_parts_is_refused(
    case: str, bundle: Path, tmp_path: Path
) -> None:
    rows, message = REFUSED[case]
    before = Bundle.open(bundle).id
    with pytest.raises(DataError, match=message):
        update_bundle(bundle, write(rows, tmp_path / "today.csv"))
    assert Bundle.open(bundle, verify=True).id == before


def log(form: str, first: datetime, days: int) -> list[Row]:
    """Three baskets a day, times written in a form."""
    return [
        {
            "basket_id": f"{first:%m%d}-{day}-{basket}",
            "product_id": product,
            "event": "purchase",
            "timestamp": (first + timedelta(days=day, hours=basket)).strftime(form),
        }
        for day in range(days)
        for basket in range(3)
        for product in ("phone-1", "case-1", f"tripod-{basket}")
    ]


DAY_FIRST, MONTH_FIRST = "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"
FORMS = {
    "day first": DAY_FIRST,
    "month first": MONTH_FIRST,
    "dots": "%d.%m.%Y",
    "two digits of the year": "%d/%m/%y %H:%M",
    "dashes": "%m-%d-%Y %H:%M:%S",
    "month first, with AM and PM": "%m/%d/%Y %I:%M %p",
}


def fitted_in(form: str, folder: Path) -> Path:
    data = folder / "data"
    data.mkdir()
    write(log(form, datetime(2024, 5, 1), 28), data / "events.csv")
    fit_bundle(load_data(data), folder / "bundle", SETTINGS)
    return folder / "bundle"


def last_time(bundle: Path) -> datetime:
    counted = CountedContexts.load(Bundle.open(bundle).folder / "counted.safetensors")
    return datetime.fromtimestamp(max(last for _, last in counted.ranges), UTC)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("day", [3, 12])
def test_the_order_of_day_and_month_is_that_of_the_fit(form: str, day: int, tmp_path: Path) -> None:
    bundle = fitted_in(FORMS[form], tmp_path)
    today = datetime(2024, 6, day)
    done = update_bundle(bundle, write(log(FORMS[form], today, 1), tmp_path / "today.csv"))
    assert done.events == 9
    assert last_time(bundle).date() == today.date()
    # and the next update still has it
    later = datetime(2024, 7, day)
    update_bundle(bundle, write(log(FORMS[form], later, 1), tmp_path / "later.csv"))
    assert last_time(bundle).date() == later.date()


def test_a_typing_error_does_not_turn_the_order(tmp_path: Path) -> None:
    bundle = fitted_in(DAY_FIRST, tmp_path)
    rows = log(DAY_FIRST, datetime(2024, 6, 11), 3)
    rows[0]["timestamp"] = "06/13/2024 10:00"
    assert update_bundle(bundle, write(rows, tmp_path / "today.csv")).events == 26
    assert last_time(bundle).date() == datetime(2024, 6, 13).date()


def test_a_file_in_the_other_order_is_refused(tmp_path: Path) -> None:
    bundle = fitted_in(DAY_FIRST, tmp_path)
    rows = log(MONTH_FIRST, datetime(2024, 6, 11), 10)
    with pytest.raises(DataError, match=r"has changed: .* day first, and here .* month first"):
        update_bundle(bundle, write(rows, tmp_path / "today.csv"))


def test_a_fit_that_shows_no_order_leaves_the_file_to_decide(tmp_path: Path) -> None:
    bundle = fitted_in("%Y-%m-%d %H:%M", tmp_path)
    with pytest.raises(DataError, match="ambiguous"):
        update_bundle(
            bundle, write(log(DAY_FIRST, datetime(2024, 6, 3), 1), tmp_path / "today.csv")
        )
    rows = log(DAY_FIRST, datetime(2024, 6, 10), 5)
    assert update_bundle(bundle, write(rows, tmp_path / "today.csv")).events == 45
