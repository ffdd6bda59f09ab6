import numpy as np
import polars as pl
import pytest

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.errors import BundleError, DataError
from goeswith.data.folder import load_data
from goeswith.relations.build_graph import build_graph
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.graph_files import GRAPH_FILE, load_graph, save_graph
from goeswith.relations.mining_report import MiningReport
from goeswith.relations.relation_lists import graph_from_lists
from goeswith.relations.relation_table import edge_table, strongest_edges


@pytest.fixture(scope="module")
def mined(shop_folder):
    dataset = load_data(shop_folder)
    return dataset, build_graph(dataset)


def test_a_mined_graph_is_read_back_as_it_was(mined, tmp_path):
    dataset, graph = mined
    save_graph(graph, tmp_path / "graph")
    again = load_graph(tmp_path / "graph", len(dataset.catalog))
    assert again.n == graph.n
    assert set(again.relations) == {"co_purchase", "co_view", "view_then_purchase"}
    for name, relation in graph.relations.items():
        assert len(relation)
        assert again[name].contexts == relation.contexts
        assert again[name].frame().equals(relation.frame())
    assert again.types.tolist() == dataset.catalog.type_codes.tolist()
    assert again.complements.frame().equals(graph.complements.frame())


def test_a_graph_of_lists_is_read_back_without_counts(shop, tmp_path):
    _, graph = shop
    save_graph(graph, tmp_path)
    again = load_graph(tmp_path, graph.n)
    for name in ("co_purchase", "co_view"):
        assert not again[name].counted
        assert again[name].source_first is None
        assert (again[name].count != graph[name].count).nnz == 0


def test_a_graph_of_another_catalogue_is_refused(shop, tmp_path):
    save_graph(shop[1], tmp_path)
    with pytest.raises(BundleError, match="between 100 products, but the catalogue holds 99"):
        load_graph(tmp_path, 99)


def test_a_graph_that_is_missing_or_damaged_is_refused(shop, tmp_path):
    with pytest.raises(BundleError, match=GRAPH_FILE):
        load_graph(tmp_path, 100)
    save_graph(shop[1], tmp_path)
    whole = (tmp_path / GRAPH_FILE).read_bytes()
    (tmp_path / GRAPH_FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BundleError, match="not a complete safetensors file"):
        load_graph(tmp_path, 100)


def test_an_edge_to_a_product_that_does_not_exist_is_refused(shop, tmp_path):
    save_graph(shop[1], tmp_path)
    arrays = load_arrays(tmp_path / GRAPH_FILE)
    arrays["co_view"] = arrays["co_view"].copy()
    arrays["co_view"].indices[3] = 100
    save_arrays(arrays, tmp_path / GRAPH_FILE)
    with pytest.raises(BundleError, match=r"co_view.? is damaged"):
        load_graph(tmp_path, 100)


def test_types_of_another_number_of_products_are_refused(shop, tmp_path):
    save_graph(shop[1].with_types(np.zeros(99, dtype=np.int32)), tmp_path)
    with pytest.raises(BundleError, match=r"types has the shape \(99,\) instead of \(100,\)"):
        load_graph(tmp_path, 100)


def test_counts_of_the_wrong_length_are_refused(shop, tmp_path):
    arrays = {"co_view": shop[1]["co_view"].count, "co_view/source_first": np.ones(3)}
    save_arrays(arrays, tmp_path / GRAPH_FILE)
    with pytest.raises(BundleError, match="source_first has the shape"):
        load_graph(tmp_path, 100)


def test_lists_keep_their_direction():
    lists = pl.DataFrame(
        {
            "source": [0, 0, 1, 2],
            "target": [1, 1, 2, 2],
            "relation": ["co_purchase", "co_purchase", "co_view", "co_view"],
            "rank": [1, 2, 1, 1],
        },
        schema_overrides={"source": pl.Int32, "target": pl.Int32},
    )
    graph = graph_from_lists(lists, 3)
    assert graph["co_purchase"].count.toarray().tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert graph["co_view"].count.toarray().tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_lists_come_before_events_and_events_before_nothing(shop_folder, tmp_path):
    for file in shop_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    lists = {"source": ["phone-1"], "target": ["case-1"], "relation": ["also_bought"]}
    pl.DataFrame(lists).write_csv(tmp_path / "relations.csv")
    report = MiningReport()
    graph = build_graph(load_data(tmp_path), MiningConfig(), report)
    assert {name: len(graph[name]) for name in graph.relations} == {"co_purchase": 1}
    assert report.relations == []
    (tmp_path / "relations.csv").unlink()
    assert len(build_graph(load_data(tmp_path), MiningConfig(), report)["co_purchase"]) > 1
    assert len(report.relations) == 3
    (tmp_path / "events.parquet").unlink()
    with pytest.raises(DataError, match="neither a table of events nor one of relations"):
        build_graph(load_data(tmp_path))


def test_the_table_of_edges_names_products_and_signals(mined):
    dataset, graph = mined
    table = edge_table(graph, dataset.catalog)
    assert len(table) == sum(len(relation) for relation in graph.relations.values())
    assert table.filter("complement", pl.col("relation") == "co_purchase").height == len(
        graph.complements
    )
    assert table.filter("similar", pl.col("relation") == "co_view").height == len(graph.similars)
    ids = dataset.catalog.ids
    edge = table.row(
        by_predicate=(pl.col("relation") == "co_purchase")
        & (pl.col("source") == "phone-1")
        & (pl.col("target") == "case-1"),
        named=True,
    )
    u, v = dataset.catalog.row("phone-1"), dataset.catalog.row("case-1")
    assert edge["count"] == graph["co_purchase"].count[u, v]
    assert set(table["source"]) <= set(ids)


def test_the_table_of_edges_is_itself_a_table_of_relations(mined, shop_folder, tmp_path):
    dataset, graph = mined
    edge_table(graph, dataset.catalog).write_parquet(tmp_path / "relations.parquet")
    (tmp_path / "products.csv").write_bytes((shop_folder / "products.csv").read_bytes())
    again = build_graph(load_data(tmp_path))
    for name, relation in graph.relations.items():
        assert np.array_equal(again[name].sources, relation.sources)
        assert np.array_equal(again[name].targets, relation.targets)


def test_the_strongest_edges_show_each_pair_once_in_its_more_confident_direction(mined):
    dataset, graph = mined
    best = strongest_edges(graph["co_purchase"], dataset.catalog, "llr", 10)
    assert best["llr"].is_sorted(descending=True)
    pairs = {frozenset(pair) for pair in best.select("source", "target").rows()}
    assert len(pairs) == len(best) == 10
    frame = graph["co_purchase"].frame()
    assert best["llr"][0] == frame["llr"].max()
    for row in best.iter_rows(named=True):
        u, v = dataset.catalog.row(row["target"]), dataset.catalog.row(row["source"])
        back = frame.filter(pl.col("source") == u, pl.col("target") == v)["confidence"][0]
        assert row["confidence"] >= back


def test_the_strongest_edges_of_a_product_start_from_it(mined):
    dataset, graph = mined
    row = dataset.catalog.row("phone-1")
    best = strongest_edges(graph["co_purchase"], dataset.catalog, "count", 5, row)
    assert set(best["source"]) == {"phone-1"}
    assert best["count"][0] == graph["co_purchase"].count[row].max()


def test_a_graph_without_relations_leaves_an_empty_table(shop):
    assert edge_table(RelationGraph(100), shop[0]).is_empty()
