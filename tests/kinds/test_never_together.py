"""Kinds that are never shown together: by a row, and by audience."""

from __future__ import annotations

from goeswith.data.catalog import Catalog
from goeswith.kinds.table import Kind, KindTable
from goeswith.kinds.table_reader import load_table
from goeswith.models.kind_links import KindLinks
from goeswith.ranking.knowledge_ranker import KnowledgeRanker
from goeswith.relations.graph import RelationGraph


def test_pairs_have_reasons_of_three_sorts_and_hold_in_both_directions() -> None:
    table = load_table()
    assert 30 <= len(table.never_together) <= 60
    for (first, second), why in table.never_together.items():
        assert why.split(":")[0] in {"unsafe", "bad taste", "wrong audience"}
        assert table.forbidden(first, second) == table.forbidden(second, first) == why
        assert not table.kinds[first].group
        assert not table.kinds[second].group


def test_kinds_for_adults_are_never_together_with_those_for_children() -> None:
    table = load_table()
    adults = [kind.id for kind in table.kinds.values() if kind.for_adults]
    children = [kind.id for kind in table.kinds.values() if kind.for_children]
    assert {"wine", "tobacco", "condom"} <= set(adults)
    assert {"nappy", "soft_toy"} <= set(children)
    for adult in adults:
        for child in children:
            assert table.forbidden(adult, child) is not None
            assert table.forbidden(child, adult) is not None
    assert table.forbidden("wine", "wine_glass") is None
    assert table.forbidden("nappy", "baby_wipe") is None


def test_a_kind_for_women_and_girls_is_not_for_children_only() -> None:
    both = Kind("a", "a", "d", None, use="durable", audience=("women", "girls"))
    girls = Kind("b", "b", "d", None, use="durable", audience=("girls",))
    adult = Kind("c", "c", "d", None, use="durable", audience=("adults",))
    table = KindTable({kind.id: kind for kind in (both, girls, adult)})
    assert table.forbidden("a", "c") is None
    assert table.forbidden("c", "b") is not None


def test_no_model_of_kinds_recommends_what_is_forbidden() -> None:
    titles = ["Red wine", "Baby bottle", "Wine glass", "Bleach", "Limescale remover", "Bucket"]
    shop = Catalog.from_records(
        [{"product_id": str(i), "title": title} for i, title in enumerate(titles)]
    )
    forbidden = {(0, 1), (1, 0), (3, 4), (4, 3)}
    edges = [(i, j, "co_purchase") for i in range(6) for j in range(6) if i != j]
    graph = RelationGraph.from_edges(6, edges)
    models = [KindLinks(), KnowledgeRanker()]
    for model in models:
        products, _ = model.fit(shop, graph).recommend(range(6), 6)
        pairs = {(i, int(j)) for i, row in enumerate(products) for j in row if j >= 0}
        assert pairs
        assert not pairs & forbidden, model.name
