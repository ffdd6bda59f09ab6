from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from goeswith.cli.main import app
from goeswith.core.errors import BundleError, ConfigError, DataError, GoesWithError
from goeswith.query.bundle import Bundle


def goeswith(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def bundle(shop_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))


@pytest.fixture
def events(tmp_path: Path) -> Path:
    rows = [
        {"session_id": f"n{i}", "basket_id": f"n{i}", "product_id": product, "event": "purchase"}
        for i in range(5)
        for product in ("phone-0", "tripod-0")
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    return tmp_path / "events.csv"


def test_update_says_what_it_counted_and_what_was_not_kept(bundle: Path, events: Path) -> None:
    run = goeswith("update", bundle, events)
    assert run.exit_code == 0, run.output
    assert "10 events counted; 50 products in the bundle" in run.stderr
    assert "note: pairs" in run.stderr
    shown = goeswith("inspect", bundle).stdout
    assert "events from events.parquet" in shown
    assert "events from events.csv" in shown
    assert isinstance(goeswith("update", bundle, events).exception, BundleError)
    assert goeswith("update", bundle, events, "--again").exit_code == 0


def test_add_says_what_was_added_and_what_was_left_out(bundle: Path, tmp_path: Path) -> None:
    rows = [{"product_id": "case-x", "type": "case", "colour": "red"}, {"product_id": "case-1"}]
    pl.DataFrame(rows).write_csv(tmp_path / "new.csv")
    run = goeswith("add", bundle, tmp_path / "new.csv")
    assert run.exit_code == 0, run.output
    assert "1 products added; 1 exist already and do not change" in run.stderr
    assert "columns that the catalogue does not have: colour" in run.stderr
    assert isinstance(goeswith("add", bundle, tmp_path / "new.csv").exception, DataError)
    assert isinstance(goeswith("add", bundle, tmp_path / "none.csv").exception, DataError)
    assert goeswith("inspect", bundle).exit_code == 0


def test_recommend_takes_filters_bans_pins_quotas_and_diversity(bundle: Path) -> None:
    run = goeswith(
        "recommend", bundle, "phone-1", "--json", "-k", 4, "--where", "price<=9",
        "--where", "type in case|tripod", "--ban", "case-1", "--pin", "tripod-1",
        "--per-type", 2, "--diversity", 0.3,
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    printed = json.loads(run.stdout)["complements"]
    ids = [answer["product_id"] for answer in printed]
    assert ids[0] == "tripod-1"
    assert printed[0]["pinned"] is True
    assert "case-1" not in ids
    assert {product.split("-")[0] for product in ids} == {"case", "tripod"}


def test_several_products_are_a_basket(bundle: Path) -> None:
    run = goeswith("recommend", bundle, "phone-1", "camera-2", "-k", 4)
    assert run.exit_code == 0, run.output
    assert "goes_with" in run.stdout
    printed = json.loads(goeswith("recommend", bundle, "phone-1", "camera-2", "--json").stdout)
    assert [product["product_id"] for product in printed["basket"]] == ["phone-1", "camera-2"]
    expected = Bundle.open(bundle).basket(["phone-1", "camera-2"], 8)
    assert [a["product_id"] for a in printed["complements"]] == [a.product_id for a in expected]


def test_a_new_product_is_answered_from_its_file(bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "product.json"
    file.write_text('{"title": "Phone 12", "type": "phone", "brand": "brand 1"}')
    run = goeswith("recommend", bundle, "--new", file, "-k", 3)
    assert run.exit_code == 0, run.output
    assert "similar_complements" in run.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "is not a JSON object"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"titel": "x"}', "did you mean 'title'"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_product_is_refused(
    bundle: Path, tmp_path: Path, content: str | None, message: str
) -> None:
    file = tmp_path / "product.json"
    if content is not None:
        file.write_text(content)
    run = goeswith("recommend", bundle, "--new", file)
    assert isinstance(run.exception, DataError)
    assert message in str(run.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "pass one of these: a product id"),
        (["phone-1", "--new", "x.json"], "pass one of these: a product id"),
        (["phone-1", "--where", "price"], "is not written as COLUMN OPERATOR VALUE"),
        (["phone-1", "camera-11"], "no product 'camera-11'"),
    ],
)
def test_what_cannot_be_queried_says_why(bundle: Path, arguments: list[str], message: str) -> None:
    run = goeswith("recommend", bundle, *arguments)
    assert isinstance(run.exception, GoesWithError)
    assert message in str(run.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "prize<3"], "did you mean 'price'"),
        (["--ban", "nothing"], "no such product"),
    ],
)
def test_a_filter_or_ban_of_what_is_gone_is_skipped_and_named(
    bundle: Path, arguments: list[str], message: str
) -> None:
    run = goeswith("recommend", bundle, "phone-1", *arguments)
    assert run.exit_code == 0
    assert message in run.output


def test_wrong_input_ends_with_code_2_and_no_traceback(
    bundle: Path, tmp_path: Path, run_command: Callable[..., Any]
) -> None:
    for arguments in (
        ["recommend", bundle, "phone-1", "--where", "price"],
        ["update", bundle, tmp_path / "none.parquet"],
        ["add", tmp_path / "nowhere", tmp_path / "none.parquet"],
    ):
        code, _, printed = run_command(*arguments)
        assert code == 2
        assert "error: " in printed
        assert "Traceback" not in printed


def test_a_broken_setting_of_diversity_is_refused(bundle: Path) -> None:
    run = goeswith("recommend", bundle, "phone-1", "--diversity", "nan")
    assert run.exit_code == 2 or isinstance(run.exception, ConfigError)
