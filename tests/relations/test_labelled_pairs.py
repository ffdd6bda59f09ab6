"""What people bundled becomes relations."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from goeswith.data.folder import load_data
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.relations.labelled_pairs import graph_from_labelled_pairs, labelled_session_pairs
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW

SESSIONS = pl.DataFrame({"session_id": ["s", "s", "s", "t", "t"], "product": [1, 2, 3, 2, 1]})


def bundles(*members: tuple[str, str, int]) -> pl.DataFrame:
    return pl.DataFrame(members, schema=["bundle_id", "session_id", "product"], orient="row")


def pairs_of(graph: RelationGraph, name: str) -> set[tuple[int, int]]:
    relation = graph[name]
    return set(zip(relation.sources.tolist(), relation.targets.tolist(), strict=True))


def test_pairs_of_a_session_are_judged_by_its_own_bundles() -> None:
    made = bundles(("x", "s", 2), ("x", "s", 1), ("y", "s", 1), ("y", "s", 2))
    assert labelled_session_pairs(SESSIONS, made).rows() == [
        ("s", 1, 2, True),
        ("s", 1, 3, False),
        ("s", 2, 3, False),
        ("t", 1, 2, False),
    ]


def test_what_was_bundled_goes_together_and_what_was_left_out_beside_it_was_compared() -> None:
    graph = graph_from_labelled_pairs(
        labelled_session_pairs(SESSIONS, bundles(("x", "s", 2), ("x", "s", 3))), 5
    )
    assert pairs_of(graph, CO_PURCHASE) == {(2, 3), (3, 2)}
    assert pairs_of(graph, CO_VIEW) == {(1, 2), (2, 1), (1, 3), (3, 1)}
    assert len(graph.complements) == 2


def test_people_who_disagree_say_nothing() -> None:
    graph = graph_from_labelled_pairs(
        labelled_session_pairs(SESSIONS, bundles(("x", "s", 1), ("x", "s", 2))), 5
    )
    assert (1, 2) in pairs_of(graph, CO_PURCHASE) & pairs_of(graph, CO_VIEW)
    assert not len(graph.complements)
    assert (1, 2) not in set(
        zip(graph.similars.sources.tolist(), graph.similars.targets.tolist(), strict=True)
    )


@pytest.mark.shared
def test_a_shop_of_bundles_alone_has_relations(shared: Path) -> None:
    graph = build_graph(load_data(shared / "bundles-electronic"))
    assert len(graph.complements) > 10_000
    assert len(graph.similars) > 5_000
