"""The RelationGraph of a data set: from relation lists, events, or labelled bundles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.core.errors import DataError
from goeswith.data.variants import shop_groups
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.labelled_pairs import graph_from_labelled_pairs, labelled_session_pairs
from goeswith.relations.relation_lists import graph_from_lists

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows, Sparse
    from goeswith.data.catalog import Catalog
    from goeswith.data.dataset import Dataset
    from goeswith.relations.mining_report import MiningReport
    from goeswith.relations.relation import Relation

_MAX_EDGES_OF_VARIANTS: Final = 50_000_000
"""Edges between the members of variant groups up to which groups are counted: about 1 GB."""


def build_graph(
    dataset: Dataset, config: MiningConfig | None = None, report: MiningReport | None = None
) -> RelationGraph:
    """The relations of a data set: its relation lists, or else relations mined from its events.

    A data set without lists and events needs sessions and bundles, which label its pairs.

    Args:
        dataset: tables with rows of one catalogue.
        config: settings of mining; None for the defaults.
        report: filled in where events are mined.

    Raises:
        DataError: there are no relations, events or bundles, or the events cannot be grouped.
    """
    n = len(dataset.catalog)
    if dataset.relations is not None:
        return graph_from_lists(dataset.relations, n)
    if dataset.events is None and dataset.sessions is not None and dataset.bundles is not None:
        return graph_from_labelled_pairs(
            labelled_session_pairs(dataset.sessions, dataset.bundles), n
        )
    if dataset.events is None:
        raise DataError(
            f"{dataset.folder or dataset.name} has neither a table of events nor one of relations, "
            "which would show which products go together; add events or relations (parquet, CSV "
            "or JSONL)"
        )
    return mine_catalog(dataset.events, dataset.catalog, config, report)


def mine_catalog(
    events: pl.DataFrame,
    catalog: Catalog,
    config: MiningConfig | None = None,
    report: MiningReport | None = None,
) -> RelationGraph:
    """The relations of a log, counted for variant groups where the shop gives them.

    Every product of a `variant_group` has the counts of the group: a basket with a shirt in size M
    is evidence for the shirt in size L. The baskets of the graph hold what was
    bought.
    """
    from goeswith.relations.mine import (
        mine,
        with_basket_matrix,
    )  # Ibis and DuckDB: only where events are mined

    n = len(catalog)
    group = shop_groups(catalog)
    if (group == np.arange(n)).all():
        return mine(events, n, config, report).with_types(catalog.type_codes)
    of_group = events.with_columns(pl.Series("product", group[events["product"].to_numpy()]))
    graph = mine(of_group, n, config, report)
    sizes = np.bincount(group, minlength=n).astype(np.int64)
    edges = sum(int((sizes[r.sources] * sizes[r.targets]).sum()) for r in graph.relations.values())
    if edges > _MAX_EDGES_OF_VARIANTS:
        if report is not None:
            report.relations.clear()
            report.notes[:] = [
                f"counts are of single variants: those of groups would be {edges:,} edges"
            ]
        return mine(events, n, config, report).with_types(catalog.type_codes)
    members = sparse.csr_matrix((np.ones(n), (group, np.arange(n))), shape=(n, n))
    relations = {
        name: _for_members(relation, members, group) for name, relation in graph.relations.items()
    }
    of_members = RelationGraph(n, relations, types=catalog.type_codes)
    return with_basket_matrix(of_members, events, config)


def _for_members(relation: Relation, members: Sparse, group: Rows) -> Relation:
    """The edges between groups as edges between all their members."""
    place = relation.count.astype(np.float64)
    place.data = np.arange(1, len(relation) + 1, dtype=np.float64)
    expanded = (members.T @ place @ members).tocsr()
    expanded.sort_indices()
    at = expanded.data.astype(np.int64) - 1
    expanded.data = relation.count.data[at]

    def of_members(values: npt.NDArray[Any] | None, rows: npt.NDArray[Any]) -> Any:
        return None if values is None else values[rows]

    return replace(
        relation,
        count=expanded,
        **{
            name: of_members(getattr(relation, name), at)
            for name in ("source_first", "seen", "customers")
        },
        **{
            name: of_members(getattr(relation, name), group)
            for name in ("source_contexts", "target_contexts", "companions")
        },
    )
