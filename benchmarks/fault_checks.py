"""What is right for each input of `fault_cases.py`, as its `expected.txt` derives it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import goeswith
from goeswith.core.errors import GoesWithError
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.build_graph import build_graph
from goeswith.settings.sections import Settings


class Run:
    """The commands of one case, with bundles in a folder of their own."""

    def __init__(self, case: Path, out: Path) -> None:
        self.case, self.out = case, out

    def load(self, name: str) -> goeswith.Dataset:
        """The tables of a folder of the case."""
        return goeswith.load_data(self.case / name)

    def fit(self, name: str, bundle: str | None = None) -> Bundle:
        """A bundle of a folder of the case."""
        out = self.out / (bundle or name)
        fit_bundle(self.load(name), out, Settings())
        return Bundle.open(out)

    def update(self, bundle: str, events: str) -> Any:
        """Count a table of the case in a bundle."""
        return update_bundle(self.out / bundle, self.case / events)

    def count(self, bundle: str, source: str, target: str) -> float:
        """In how many baskets two products were bought, by a bundle."""
        answers = Bundle.open(self.out / bundle).complements(source, 20)
        found = [answer for answer in answers if answer.product_id == target]
        return found[0].evidence.bought_together if found else 0


def pairs(data: goeswith.Dataset, relation: str = "complements") -> list[tuple[str, str, float]]:
    """Source, target and count of the edges of a relation, in any order."""
    edges, ids = getattr(build_graph(data), relation), data.catalog.ids
    return [
        (ids[int(s)], ids[int(t)], float(count))
        for s, t, count in zip(edges.sources, edges.targets, edges.times_seen, strict=True)
    ]


def first(bundle: Bundle, source: str, k: int = 1) -> list[str]:
    """The first complements of a product."""
    return [answer.product_id for answer in bundle.complements(source, k)]


Check = Callable[[Run], tuple[bool, Any]]


def _orders_without_views(name: str) -> Check:
    def check(run: Run) -> tuple[bool, Any]:
        data = run.load(name)
        edges = {(s, t) for s, t, _ in pairs(data)}
        bundle = run.fit(name)
        similars = [answer.product_id for answer in bundle.similars("camera", 5)]
        right = ("camera", "lens") in edges and first(bundle, "camera") == ["lens"]
        return right and "lens" not in similars, {"similars": similars}

    return check


def _other_event_column(run: Run) -> tuple[bool, Any]:
    data, bundle = run.load("data"), run.fit("data")
    events = data.report.events
    right = events == {"view": 120, "purchase": 30} and first(bundle, "camera-1") == ["lens-1"]
    return right, events


def _overlap(events: str, expected: int) -> Check:
    def check(run: Run) -> tuple[bool, Any]:
        run.fit("shop", events)
        run.update(events, events)
        count = run.count(events, "CAM-00", "LEN-00")
        return count == expected, count

    return check


def _guests(run: Run) -> tuple[bool, Any]:
    counts = {name: sorted(pairs(run.load(name))) for name in ("empty", "zero")}
    largest = max(counts["zero"], key=lambda pair: pair[2])
    return counts["empty"] == counts["zero"], largest


def _passed_over(name: str, *, titles: bool) -> Check:
    def check(run: Run) -> tuple[bool, Any]:
        data = run.load(name)
        rows = data.events.height if data.events is not None else 0
        has_titles = "title" in data.catalog.frame.columns
        return rows == 1091 and has_titles >= titles, rows

    return check


def _title_of_another_type(run: Run) -> tuple[bool, Any]:
    answers = first(run.fit("shop"), "bra-0", 3)
    return answers[:1] == ["brief-0"], answers


def _leaves_no_answer(name: str) -> Check:
    def check(run: Run) -> tuple[bool, Any]:
        bundle = run.fit(name)
        answered = [bool(bundle.complements(id_, 5)) for id_ in run.load(name).catalog.ids]
        return False, f"published, {sum(answered)} products have recommendations"

    return check


def _placeholder_titles(run: Run) -> tuple[bool, Any]:
    """Products of one title that says nothing are no variants of each other."""
    answers = first(run.fit("placeholder_titles"), "CAM-00")
    return answers == ["LEN-00"], answers


def _empty_over_good(run: Run) -> tuple[bool, Any]:
    before = first(run.fit("good", "live"), "CAM-00")
    try:
        run.fit("only_views", "live")
    except GoesWithError as error:
        after = first(Bundle.open(run.out / "live"), "CAM-00")
        return before == after and bool(after), f"stays; {error}"
    return False, "replaced"


def _times(name: str) -> Check:
    def check(run: Run) -> tuple[bool, Any]:
        data = run.load(name)
        span = f"{data.report.first} to {data.report.last}"
        edges = {(s, t) for s, t, _ in pairs(data)}
        expected = {(f"camera-{i}", f"lens-{i}") for i in range(6)}
        return edges in (expected, {(f"camera-{i}", f"lens-{i}") for i in range(1, 7)}), span

    return check


def _repeated_ids(name: str, unit: str) -> Check:
    def check(run: Run) -> tuple[bool, Any]:
        count = run.load(name).report.contexts[unit]["count"]
        return count == 300, count

    return check


def _european_prices(run: Run) -> tuple[bool, Any]:
    data = run.load("shop")
    written = dict(
        line.split(",", 4)[::4] for line in _lines(run.case / "shop" / "products.csv")[1:]
    )
    read = dict(data.catalog.frame.select("product_id", "price").iter_rows())
    wrong = {
        id_: (text, read[id_])
        for id_, text in written.items()
        if read[id_] is not None and abs(read[id_] - _amount(text)) > 1e-9
    }
    empty = sum(price is None for price in read.values())
    return not wrong, {"wrong": wrong, "empty": empty, "of": len(read)}


def _amount(text: str) -> float:
    """The price as a person of the shop's country reads it."""
    digits = re.sub(r"[^\d.,]", "", text)
    decimals = re.search(r"[.,](\d{2}|\d)$", digits)
    whole = re.sub(r"\D", "", digits[: decimals.start()] if decimals else digits)
    return float(f"{whole}.{decimals[1] if decimals else 0}")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _sizes_of_one_answer(run: Run) -> tuple[bool, Any]:
    answers = run.fit("shop").complements("S0-S", 4)
    groups = [answer.product_id.split("-")[0] for answer in answers]
    return groups[0] == "S1" and len(set(groups)) == len(groups), groups


def _message(name: str, *needed: str) -> Check:
    """The input is read, or refused with a message that has one of the texts."""

    def check(run: Run) -> tuple[bool, Any]:
        try:
            data = run.load(name)
            if data.events is None:
                build_graph(data)
        except GoesWithError as error:
            return any(text in str(error) for text in needed), f"refused: {error}"
        return data.events is not None and data.events.height > 0, data.report.events

    return check


def _postgres(run: Run) -> tuple[bool, Any]:
    report = run.load("data").report
    return report.events == {"purchase": 1091}, report.first


def _small_files(run: Run) -> tuple[bool, Any]:
    run.fit("shop", "b")
    today = run.update("b", "today.csv")
    week = run.update("b", "first_week_dm.csv")
    named = any("LEN-77" in str(row) for row in today.quarantine)
    dates = Bundle.open(run.out / "b").manifest["data"]
    return (today.events, named, week.events > 0) == (18, True, True), {
        "today": today.events,
        "week": week.events,
        "data": str(dates)[:200],
    }


def _statuses(run: Run) -> tuple[bool, Any]:
    report = run.load("data").report
    baskets = report.contexts["baskets"]["count"]
    return baskets in (240, 320) and bool(report.statuses), baskets


def _placeholders(run: Run) -> tuple[bool, Any]:
    ids = set(run.load("data").catalog.ids)
    odd = sorted(ids & {"(not set)", "undefined", "NONE", "Total"})
    return not odd and len(ids) == 40, {"products": len(ids), "odd": odd}


def _two_sessions(name: str) -> Check:
    def check(run: Run) -> tuple[bool, Any]:
        edges = {(s, t) for s, t, _ in pairs(run.load(name))}
        answers = first(run.fit(name), "camera", 2)
        return {("camera", "lens"), ("lens", "camera")} <= edges and answers[0] == "lens", answers

    return check


_EMPTY: Final = (
    "only_views",
    "only_carts",
    "all_orders_above_100_lines",
    "ids_in_one_cell",
)
CASES: Final[dict[str, dict[str, Check]]] = {
    "orders-without-views-make-complements-substitutes": {
        name: _orders_without_views(name)
        for name in ("with_session_ids", "no_session_column", "without_session_ids")
    },
    "event-column-of-another-name": {"data": _other_event_column},
    "update-with-a-rolling-export-counts-twice": {
        "last_30_days.csv": _overlap("last_30_days.csv", 43),
        "again_crlf.csv": _overlap("again_crlf.csv", 38),
    },
    "guests-share-a-user-id": {"zero": _guests},
    "tables-that-are-passed-over-in-silence": {
        "a_second_month": _passed_over("a_second_month", titles=True),
        "b_spark_folder": _passed_over("b_spark_folder", titles=True),
        "c_products_folder": _passed_over("c_products_folder", titles=True),
        "d_upper_case": _passed_over("d_upper_case", titles=True),
    },
    "same-title-and-brand-of-other-type-never-shown": {"shop": _title_of_another_type},
    "fit-leaves-an-empty-bundle-and-says-50-answers-each": {
        **{name: _leaves_no_answer(name) for name in _EMPTY},
        "placeholder_titles": _placeholder_titles,
        "only_views over good": _empty_over_good,
    },
    "compact-times-become-other-centuries": {
        name: _times(name) for name in ("iso", "yyyymmddhhmmss", "yyyymmddhhmm", "yy-mm-dd")
    },
    "basket-and-session-ids-that-repeat": {
        "receipts": _repeated_ids("receipts", "baskets"),
        "sessions": _repeated_ids("sessions", "sessions"),
    },
    "european-prices": {"shop": _european_prices},
    "sizes-of-one-answer-fill-the-list": {"shop": _sizes_of_one_answer},
    "unclear-or-misleading-messages": {
        "olist": _message("olist", "basket_id"),
        "bread_basket": _message("bread_basket", "Item"),
        "no_header": _message("no_header", "no header"),
        "json_array": _message("json_array", "array"),
        "pretty_json": _message("pretty_json", "several lines"),
        "xlsx_beside": _message("xlsx_beside", "events.xlsx"),
        "gzip_named_csv": _message("gzip_named_csv", "gzip"),
        "utf16_jsonl": _message("utf16_jsonl", "UTF-16"),
        "uuid_bytes": _message("uuid_bytes", "bytes"),
    },
    "postgres-timestamptz-text": {"data": _postgres},
    "small-daily-files-stop-at-5-percent": {"updates": _small_files},
    "cancelled-and-refunded-orders-counted": {"data": _statuses},
    "placeholders-and-totals-become-products": {"data": _placeholders},
    "two-sessions-outweigh-150-baskets": {
        name: _two_sessions(name) for name in ("without_the_two", "with_the_two")
    },
}
"""Name of a case, without its number -> its inputs."""
