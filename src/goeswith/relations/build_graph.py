"""The RelationGraph of a data set: from relation lists, events, or labelled bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goeswith.core.errors import DataError
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.labelled_pairs import graph_from_labelled_pairs, labelled_session_pairs
from goeswith.relations.relation_lists import graph_from_lists

if TYPE_CHECKING:
    from goeswith.data.dataset import Dataset
    from goeswith.relations.mining_report import MiningReport


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
    from goeswith.relations.mine import mine  # Ibis and DuckDB: only where events are mined

    return mine(dataset.events, n, config, report).with_types(dataset.catalog.type_codes)
