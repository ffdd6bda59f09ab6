import json
from functools import partial

import polars as pl
import pytest


@pytest.fixture
def run(run_command):
    """A function: arguments -> exit code, stdout, stderr of `goeswith relations`."""
    return partial(run_command, "relations")


def test_what_was_mined_is_shown_and_every_edge_is_kept(run, shop_folder, tmp_path):
    code, out, err = run(shop_folder, "--out", tmp_path / "mined", "--top", 3)
    assert code == 0, err
    assert "Relations of small-shop" in err
    assert "600 sessions" in err
    for name in ("co_purchase", "co_view", "view_then_purchase", "complements", "similars"):
        assert name in err
    header, *lines = [line.split("\t") for line in out.splitlines()]
    assert header[:5] == ["source", "source_title", "target", "target_title", "count"]
    assert len(lines) == 3
    edges = pl.read_parquet(tmp_path / "mined" / "relations.parquet")
    assert edges["relation"].unique().sort().to_list() == [
        "co_purchase",
        "co_view",
        "view_then_purchase",
    ]
    assert f"{edges.filter(relation='co_purchase').height}" in err


def test_edges_of_one_product_are_shown_with_titles_and_order(run, shop_folder):
    code, out, _ = run(shop_folder, "--product", "phone-1", "--sort", "count", "--top", 2)
    assert code == 0
    header, *lines = [line.split("\t") for line in out.splitlines()]
    for line in lines:
        edge = dict(zip(header, line, strict=True))
        assert (edge["source"], edge["source_title"]) == ("phone-1", "Phone 1")
        # a phone is always bought before its case
        assert edge["source_first"] == edge["count"]
    assert len(lines) == 2


def test_signals_can_be_shown_too(run, shop_folder):
    code, out, _ = run(shop_folder, "--relation", "complements", "--top", 1, "--json")
    assert code == 0
    document = json.loads(out)
    assert document["relation"] == "complements"
    assert len(document["edges"]) == 1
    assert {entry["relation"] for entry in document["relations"]} >= {"co_purchase", "similars"}


def test_settings_of_the_project_file_are_obeyed(run, shop_folder, tmp_path):
    (tmp_path / "strict.toml").write_text("[relations]\nmin_co_purchase = 10000\n")
    code, out, _ = run(shop_folder, "--config", tmp_path / "strict.toml")
    assert code == 0
    assert out.splitlines()[1:] == []


def test_lists_are_shown_as_lists(run, tmp_path):
    pl.DataFrame(
        {"source": ["a", "b"], "target": ["b", "a"], "relation": ["also_bought", "also_viewed"]}
    ).write_csv(tmp_path / "relations.csv")
    code, _, err = run(tmp_path)
    assert code == 0, err
    assert "lists" in err


def test_what_the_data_do_not_allow_is_said(run, tmp_path):
    rows = {"session_id": ["s", "s"], "product_id": ["a", "b"], "event": ["view", "purchase"]}
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    code, _, err = run(tmp_path)
    assert code == 0, err
    assert "view_then_purchase: not counted" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--relation", "co_buy"), "no relation is called 'co_buy'"),
        (("--sort", "jaccard"), "no measure is called 'jaccard'"),
        (("--product", "phone-x"), "no product 'phone-x'"),
    ],
)
def test_a_wrong_name_is_reported_with_the_right_ones(run, shop_folder, arguments, message):
    code, _, err = run(shop_folder, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


@pytest.mark.shared
def test_real_invoices_are_mined(run, shared, tmp_path):
    invoices = pl.read_parquet(shared / "online-retail" / "events.parquet", n_rows=100_000)
    # sales of products with a five-digit code: cleaning the rest is the importer's task
    sales = invoices.filter(
        pl.col("quantity") > 0, pl.col("product_id").str.contains(r"^\d{5}")
    ).select("basket_id", "product_id", "timestamp")
    folder = tmp_path / "retail"
    folder.mkdir()
    sales.write_parquet(folder / "events.parquet")
    code, out, err = run(folder, "--top", 1, "--sort", "count")
    assert code == 0, err

    lines = sales.unique(["basket_id", "product_id"])
    lines = lines.filter(pl.len().over("basket_id") <= 100)
    pairs = lines.join(lines, on="basket_id").filter(
        pl.col("product_id") < pl.col("product_id_right")
    )
    most = pairs.group_by("product_id", "product_id_right").len().sort("len").row(-1)
    assert f"{lines['basket_id'].n_unique():,} baskets" in err
    edge = dict(zip(*(line.split("\t") for line in out.splitlines()), strict=True))
    assert {edge["source"], edge["target"]} == {str(end) for end in most[:2]}
    assert float(edge["count"]) == most[2]
