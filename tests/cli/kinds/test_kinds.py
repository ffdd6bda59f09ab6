"""`goeswith kinds`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError, DataError


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["kinds", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def records(*arguments: object) -> list[dict[str, str]]:
    """The table that a pipe gets."""
    return list(csv.DictReader(run(*arguments).stdout.splitlines(), delimiter="\t"))


def document(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    products = [
        ("pot", "Red teapot", "Pots"),
        ("pot2", "Blue teapot", "Pots"),
        ("cosy", "Tea cosy", "Textiles"),
        ("towel", "Tea towel", "Textiles"),
        ("mat", "Doormat", "Floor"),
        ("bulb", "Light bulb", "Light"),
    ]
    pl.DataFrame(products, schema=["product_id", "title", "type"], orient="row").write_csv(
        folder / "products.csv"
    )
    baskets = [["pot", "cosy"], ["pot2", "cosy"], ["towel"], ["mat", "bulb"], ["towel", "bulb"]]
    rows = [(i, product) for i in range(300) for product in baskets[i % 5]]
    pl.DataFrame(rows, schema=["basket_id", "product_id"], orient="row").write_csv(
        folder / "events.csv"
    )
    return folder


def test_departments_are_listed_and_the_kinds_of_one() -> None:
    departments = records("list")
    assert len(departments) >= 18
    assert sum(int(row["kinds"]) for row in departments) == len(records("list", "all"))
    kitchen = records("list", "kitchen_dining")
    assert "teapot" in {row["id"] for row in kitchen}
    assert document("list", "kitchen_dining")["kinds"][0]["department"] == "kitchen_dining"
    with pytest.raises(ConfigError, match="there is no department 'kitchen'; they are"):
        run("list", "kitchen")


def test_a_kind_is_shown_with_what_goes_with_it() -> None:
    best, *_ = records("show", "teapot")
    assert (best["strength"], best["reason"]) == ("3", "accessory")
    kind = document("show", "tea", "pot")
    assert kind["id"] == "teapot"
    assert kind["alternatives"]
    assert document("show", "phone_case")["goes_with"]
    assert {one["id"] for one in document("show", "tea_coffee_ware")["members"]} >= {"teapot"}
    with pytest.raises(ConfigError, match="did you mean teapot"):
        run("show", "teapto")


def test_kinds_are_found_by_names() -> None:
    assert records("search", "phone", "case")[0]["id"] == "phone_case"
    assert document("search", "Teekanne", "-k", "1")["kinds"][0]["id"] == "teapot"
    nothing = run("search", "qqqqqq")
    assert nothing.exit_code == 0
    assert "no kind has a name like 'qqqqqq'" in nothing.stderr


def test_a_title_is_explained_phrase_by_phrase() -> None:
    title = "Tea cosy for a teapot"
    explained = run("explain", title)
    assert "tea_cosy (tea cosy), confidence" in explained.stderr
    assert "next is teapot" in explained.stderr
    phrases = {(row["kind"], row["position"]) for row in records("explain", title)}
    assert {("tea_cosy", "head"), ("teapot", "modifier")} <= phrases
    found = document("explain", "Coque", "pour", "iPhone")
    assert found["kind"] == "phone_case"
    assert found["phrases"][0]["language"] == "fr"
    assert document("explain", "Dagamed")["kind"] is None
    assert document("explain", "Dagamed", "--type", "Frosting")["source"] == "type"


def test_a_shops_types_are_mapped_and_the_map_is_used(shop: Path) -> None:
    types = {row["type"]: row for row in records("map", shop)}
    assert types["Pots"]["kind"] == "teapot"
    assert types["Textiles"]["kind"] == ""
    assert types["Textiles"]["products"] == "2"
    assert "Tea cosy" in types["Textiles"]["examples"]
    written = run("map", shop, "-o", shop / "kinds.csv")
    assert "4 types, 3 with a kind" in written.stderr
    text = (shop / "kinds.csv").read_text(encoding="utf-8")
    (shop / "kinds.csv").write_text(text.replace("Pots,2,teapot", "Pots,2,saucepan"))
    # saucepan and tea cosy have no link
    links = document("learn", shop)["links"]
    assert "teapot" not in {link["source"] for link in links}
    assert ("saucepan", "tea_cosy") in {(link["source"], link["target"]) for link in links} | {
        (link["target"], link["source"]) for link in links
    }


def test_a_log_confirms_and_suggests_links(shop: Path, tmp_path: Path) -> None:
    found = document("learn", shop, "-o", tmp_path / "links.csv")
    status = {(link["source"], link["target"]): link["status"] for link in found["links"]}
    assert status["teapot", "tea_cosy"] == "confirmed"
    assert "suggested" in status.values()
    assert found["tagged"] == 6
    rows = list(csv.DictReader((tmp_path / "links.csv").read_text().splitlines()))
    assert len(rows) == len(found["links"])
    assert records("learn", shop)[0].keys() == rows[0].keys()


def test_a_wrong_map_is_refused_with_its_row(shop: Path) -> None:
    (shop / "kinds.csv").write_text("type,kind\nPots,teapto\n")
    with pytest.raises(DataError, match=r"kinds\.csv:2: there is no kind 'teapto'"):
        run("learn", shop)


def test_a_table_is_checked(tmp_path: Path) -> None:
    assert "0 problems" in run("check").stderr
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "mine.csv").write_text(
        "source,target,reason,strength,match\nteapot,teapto,care,1,\n"
    )
    wrong = run("check", tmp_path)
    assert wrong.exit_code == 1
    assert "mine.csv:2: there is no kind 'teapto'" in wrong.stdout
    assert document("check", tmp_path)["problems"]
