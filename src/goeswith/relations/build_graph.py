"""A data set -> its RelationGraph, from lists, from events or from what people bundled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goeswith.core.errors import DataError
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.labelled_pairs import graph_of_judged, judged_pairs
from goeswith.relations.relation_lists import graph_from_lists

if TYPE_CHECKING:
    from goeswith.data.dataset import Dataset
    from goeswith.relations.mining_report import MiningReport


def build_graph(
    dataset: Dataset, config: MiningConfig | None = None, report: MiningReport | None = None
) -> RelationGraph:
    """The relations of a data set: its lists where it has them, else mined from its events.

    Where it has neither, what people bundled in its sessions.

    Args:
        dataset: tables with rows of one catalogue.
        config: how events are mined; the defaults where left out.
        report: filled with what was mined; untouched where nothing is.

    Raises:
        DataError: there are no relations, events or bundles, or the events cannot be grouped.
    """
    n = len(dataset.catalog)
    if dataset.relations is not None:
        return graph_from_lists(dataset.relations, n)
    if dataset.events is None and dataset.sessions is not None and dataset.bundles is not None:
        return graph_of_judged(judged_pairs(dataset.sessions, dataset.bundles), n)
    if dataset.events is None:
        raise DataError(
            f"{dataset.folder or dataset.name} has neither a table of events nor one of relations, "
            "so that nothing says which products go together; add events or relations (parquet, "
            "CSV or JSONL)"
        )
    from goeswith.relations.mine import mine  # Ibis and DuckDB: only where events are mined

    return mine(dataset.events, n, config, report).with_types(dataset.catalog.type_codes)
