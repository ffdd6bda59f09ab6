"""Files for shop systems, read as each system's importer reads them, and checked by its layout."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.export.shops.shop_file_readers import READERS, read_shopify
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.cli.use.export import Target
from goeswith.core.errors import ConfigError
from goeswith.core.printable import is_formula
from goeswith.data.dataset import Dataset
from goeswith.export.recommendation_rows import RecommendationRows
from goeswith.export.shops import SHOP_FORMATS, shop_format
from goeswith.export.shops.shop_export import export_to_shop, state_path
from goeswith.export.shops.shop_format import ProductList
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints
from goeswith.settings.sections import FitSettings, Settings


def fitted(path: Path, pairs: list[str], **columns: list[Any]) -> Bundle:
    """A bundle of products that are bought in pairs, eight times each."""
    baskets = [pair for pair in pairs for _ in range(8)]
    products = sorted(set("".join(pairs)))
    data = Dataset.from_frames(
        products=pl.DataFrame({"product_id": products, **columns}),
        events=pl.DataFrame(
            {
                "basket_id": [str(i) for i, pair in enumerate(baskets) for _ in pair],
                "product_id": [product for pair in baskets for product in pair],
                "event": ["purchase" for pair in baskets for _ in pair],
            }
        ),
    )
    fit_bundle(data, path, Settings(fit=FitSettings(model="copurchase", k=3)))
    return Bundle.open(path)


@pytest.fixture(scope="module")
def tee(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Products a to f: a goes with b and c, d with e; f has the Shopify id of e."""
    return fitted(
        tmp_path_factory.mktemp("shops") / "bundle",
        ["ab", "ac", "de", "df"],
        shopify_id=[101, 102, 103, 104, 105, 105],
        note=["x", None, "y", "=1", "z", "w"],
        weight=[0.5] * 6,
    )


def test_every_format_is_a_target_of_the_command() -> None:
    assert set(READERS) == set(SHOP_FORMATS)
    assert set(SHOP_FORMATS) <= {target.value for target in Target}
    for name in SHOP_FORMATS:
        assert shop_format(name).name == name


@pytest.mark.parametrize("name", [name for name in SHOP_FORMATS if name != "shopify"])
def test_a_file_holds_the_complements_of_the_bundle(tee: Bundle, name: str, tmp_path: Path) -> None:
    path = tmp_path / "out"
    counts = export_to_shop(RecommendationRows(tee, 3), shop_format(name), path)
    found = READERS[name](path.read_text(encoding="utf-8"))
    expected = {
        product: [
            c.product_id
            for c in tee.complements(product, 3)
            if name != "google" or c.evidence.bought_together
        ]
        for product in tee.products.ids
    }
    assert found == {product: targets for product, targets in expected.items() if targets}
    assert found["a"][:2] in (["b", "c"], ["c", "b"])
    assert counts.written == len(found)
    assert counts.complements == sum(map(len, found.values()))


def test_shopify_takes_the_ids_of_an_attribute_and_leaves_repeated_ones_out(
    tee: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "out.jsonl"
    rows = RecommendationRows(tee, 3)
    counts = export_to_shop(rows, shop_format("shopify"), path, id_column="shopify_id")
    found = read_shopify(path.read_text())
    assert set(found) <= {"101", "102", "103", "104", "105"}
    assert set(found["101"][:2]) == {"102", "103"}
    assert found["104"][0] == "105"
    assert counts.left_out["another product has the same value"] == (1, "f")


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("shopify", None, "not a Shopify product id"),
        ("shopify", "sku", r"--id-column sku: the catalogue has .*shopify_id"),
        ("shopify", "weight", "neither text nor integers"),
    ],
)
def test_ids_that_the_shop_cannot_take_are_an_error(
    tee: Bundle, name: str, column: str | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        export_to_shop(
            RecommendationRows(tee, 3), shop_format(name), tmp_path / "out", id_column=column
        )
    assert list(tmp_path.iterdir()) == []


def test_ids_that_are_missing_or_formulas_are_left_out_and_counted(
    tee: Bundle, tmp_path: Path
) -> None:
    rows, path = RecommendationRows(tee, 3), tmp_path / "out.csv"
    counts = export_to_shop(rows, shop_format("magento"), path, id_column="note")
    assert counts.left_out == {
        "no value": (1, "b"),
        "a spreadsheet would compute it as a formula": (1, "d"),
    }
    assert "=1" not in path.read_text()


def test_only_changes_are_written_and_what_is_gone_is_cleared(tmp_path: Path) -> None:
    monday = fitted(tmp_path / "monday", ["ab", "cd", "ef"])
    tuesday = fitted(tmp_path / "tuesday", ["ab", "ce", "cd", "ef"])
    where = RecommendationRows(monday, 1), RecommendationRows(tuesday, 1)
    for name in ("woocommerce", "magento", "meta", "google", "klaviyo"):
        first, second = tmp_path / f"{name}-1", tmp_path / f"{name}-2"
        shop = shop_format(name)
        export_to_shop(where[0], shop, first)
        export_to_shop(where[0], shop, second, since=state_path(first))
        again = second.read_text()
        assert "a" not in [line.split(",")[0] for line in again.splitlines()]
        only_c = RecommendationRows(tuesday, 3)
        counts = export_to_shop(only_c, shop, second, since=state_path(first))
        found = READERS[name](second.read_text())
        full = tmp_path / f"{name}-full"
        export_to_shop(RecommendationRows(tuesday, 3), shop, full)
        before = READERS[name](first.read_text())
        after = READERS[name](full.read_text())
        changed = {p: targets for p, targets in after.items() if before.get(p) != targets}
        assert found == changed | {p: [] for p in before if p not in after}
        assert counts.unchanged == len(after) - len(changed)


def test_a_product_without_complements_any_more_is_cleared(tmp_path: Path, tee: Bundle) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    only_b = RecommendationRows(tee, 1, Constraints.from_text(["product_id=b"]))
    for name, empty in (("magento", "b,__EMPTY__VALUE__,,__EMPTY__VALUE__,"), ("meta", "b,")):
        export_to_shop(RecommendationRows(tee, 1), shop_format(name), first)
        counts = export_to_shop(only_b, shop_format(name), second, since=state_path(first))
        assert counts.cleared == 1
        assert second.read_text().splitlines()[-1] == empty


def test_digests_of_another_export_are_refused(tee: Bundle, tmp_path: Path) -> None:
    rows = RecommendationRows(tee, 3)
    export_to_shop(rows, shop_format("meta"), tmp_path / "a.csv")
    for name, since, message in (
        ("magento", state_path(tmp_path / "a.csv"), "is of an export --to meta"),
        ("meta", tmp_path / "a.csv", "cannot be read"),
        ("meta", tmp_path / "none.parquet", "cannot be read"),
    ):
        with pytest.raises(ConfigError, match=message):
            export_to_shop(rows, shop_format(name), tmp_path / "b.csv", since=since)
    assert not (tmp_path / "b.csv").exists()


def test_the_command_says_what_is_left_out_and_how_to_go_on(
    odd_bundles: tuple[Bundle, Bundle], tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    arguments = ["export", str(odd_bundles[0].path), "--to", "woocommerce", "-o", str(out)]
    ended = CliRunner().invoke(app, [*arguments, "--json"])
    assert ended.exit_code == 0, ended.output
    result = json.loads(ended.stdout)
    assert result["left_out"] > 0
    assert result["state"] == f"{out}.state.parquet"
    assert "left out" in ended.stderr
    again = CliRunner().invoke(app, [*arguments, "--json", "--since", result["state"]])
    assert json.loads(again.stdout)["products"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "shopify", "--out", "a", "-k", "11"], "at most 10 products"),
        (["--to", "meta", "--out", "a", "--why"], "--why is not for --to meta"),
        (["--to", "meta"], "--to meta needs --out FILE"),
        (["--to", "meta", "--out", "a", "--parts", "2"], "--parts is for parquet, csv and jsonl"),
        (["--to", "csv", "--out", "a", "--since", "b"], "--since is not for --to csv"),
        (["--to", "csv", "--out", "a", "--id-column", "b"], "--id-column is not for --to csv"),
    ],
)
def test_options_that_do_not_suit_a_format_say_so(
    tee: Bundle,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, ["export", str(tee.path), *arguments])
    assert message in str(ended.exception)
    assert list(tmp_path.iterdir()) == []


@given(st.sampled_from([n for n in SHOP_FORMATS if n != "shopify"]), st.data())
def test_what_a_format_takes_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    shop = shop_format(name)
    texts = st.text(st.sampled_from(list("ab01,=+-@\"\\;'|: é")), min_size=1, max_size=8)
    ids = data.draw(st.lists(texts.filter(lambda one: shop.id_problem(one) is None), unique=True))
    lists = [ProductList(one, [other for other in ids if other != one][:3]) for one in ids]
    text = "".join(shop.text(lists, 3))
    if ids:
        assert READERS[name](text) == {item.product_id: item.complements for item in lists}
    if name not in {"klaviyo", "shopify"}:
        separator = "\t" if name == "google" else ","
        cells = [cell for row in csv.reader(text.splitlines(), delimiter=separator) for cell in row]
        assert not [cell for cell in cells if is_formula(cell)]
