import sys

import polars as pl
import pytest

from goeswith.cli.main import main


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """A function: arguments -> exit code, stdout, stderr of `goeswith relations`."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["goeswith", "relations", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        return code, *capsys.readouterr()

    return call


def test_what_was_mined_is_shown_and_every_edge_is_kept(run, shop_folder, tmp_path):
    code, out, err = run(shop_folder, "--out", tmp_path / "mined", "--top", 3)
    assert code == 0, err
    assert "Relations of small-shop" in out
    assert "600 sessions" in out
    for name in ("co_purchase", "co_view", "view_then_purchase", "complements", "similars"):
        assert name in out
    assert "Strongest by llr: co_purchase" in out
    edges = pl.read_parquet(tmp_path / "mined" / "relations.parquet")
    assert edges["relation"].unique().sort().to_list() == [
        "co_purchase",
        "co_view",
        "view_then_purchase",
    ]
    assert f"{edges.filter(relation='co_purchase').height}" in out


def test_edges_of_one_product_are_shown_with_titles_and_order(run, shop_folder):
    code, out, _ = run(shop_folder, "--product", "phone-1", "--sort", "count", "--top", 2)
    assert code == 0
    shown = out[out.index("Strongest by count: co_purchase of phone-1") :]
    assert shown.count("Phone 1 (phone-1)") == 2
    assert "100%" in shown  # a phone is always bought before its case


def test_signals_can_be_shown_too(run, shop_folder):
    code, out, _ = run(shop_folder, "--relation", "complements", "--top", 1)
    assert code == 0
    assert "Strongest by llr: complements" in out


def test_settings_of_the_project_file_are_obeyed(run, shop_folder, tmp_path):
    (tmp_path / "strict.toml").write_text("[relations]\nmin_co_purchase = 10000\n")
    code, out, _ = run(shop_folder, "--config", tmp_path / "strict.toml")
    assert code == 0
    assert "Strongest by llr: co_purchase: none" in out


def test_lists_are_shown_as_lists(run, tmp_path):
    pl.DataFrame(
        {"source": ["a", "b"], "target": ["b", "a"], "relation": ["also_bought", "also_viewed"]}
    ).write_csv(tmp_path / "relations.csv")
    code, out, err = run(tmp_path)
    assert code == 0, err
    assert "lists" in out


def test_what_the_data_do_not_allow_is_said(run, tmp_path):
    rows = {"session_id": ["s", "s"], "product_id": ["a", "b"], "event": ["view", "purchase"]}
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    code, out, err = run(tmp_path)
    assert code == 0, err
    assert "view_then_purchase: not mined" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--relation", "co_buy"), "no relation is called 'co_buy'"),
        (("--sort", "jaccard"), "no measure is called 'jaccard'"),
        (("--product", "phone-x"), "no product 'phone-x'"),
    ],
)
def test_a_wrong_name_is_told_with_the_right_ones(run, shop_folder, arguments, message):
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
    assert f"{lines['basket_id'].n_unique():,} baskets" in out
    for shown in map(str, most):
        assert shown in out[out.index("Strongest") :]
