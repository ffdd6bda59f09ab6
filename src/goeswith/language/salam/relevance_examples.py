"""Tables of judged pairs -> nodes, behaviour and pairs.

Supported are the public shopping-queries data as published (Reddy et al., 2022: examples, products,
sources), one table of queries, product texts and labels, and the relations of a shop, in which a
product takes the place of the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from goeswith.core.arrays import Rows
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import read_table, require_columns
from goeswith.language.salam.behaviour_graph import BehaviourGraph, NodePairs
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.label_split import PARTS, PairSplit, split_products
from goeswith.language.salam.label_tables import (
    add_classes,
    add_keys,
    read_labelled_table,
    rename_columns,
)
from goeswith.language.salam.product_pairs import behaviour_from_relations, labelled_pairs
from goeswith.relations.graph import RelationGraph
from goeswith.text.product_text import product_texts

ENGAGEMENT_COLUMNS: Final = ("clicks", "adds", "purchases")
"""Columns of a table of engagement, each a relation between a query and a product."""


@dataclass
class RelevanceExamples:
    """Judged pairs of texts, and what people did.

    Attributes:
        keys: (n,) key of each node: `q`, locale and query, or `p`, locale and product.
        texts: (n,) what is read of each.
        regions: names of the locales; `NodePairs.regions` are their numbers.
        parts: `train`, `valid` and `test` -> pairs of each.
        training_graph: behaviour that learning may see.
        inference_graph: behaviour for predictions on the other parts, without any edge of their
            pairs.
    """

    keys: list[str]
    texts: list[str]
    regions: list[str]
    parts: dict[str, NodePairs]
    training_graph: BehaviourGraph
    inference_graph: BehaviourGraph
    quarantine: Quarantine = field(default_factory=Quarantine)

    def select_regions(self, names: Sequence[str]) -> dict[str, NodePairs]:
        """The pairs of some locales.

        Raises:
            DataError: no pair to learn from is of them.
        """
        unknown = [name for name in names if name not in self.regions]
        if unknown:
            raise DataError(
                f"there is no locale {unknown[0]!r} in these data; they have "
                f"{', '.join(self.regions)}"
            )
        numbers = [self.regions.index(name) for name in names]
        parts = {k: pairs.take(np.isin(pairs.regions, numbers)) for k, pairs in self.parts.items()}
        if not len(parts["train"]):
            raise DataError(f"no pair of {', '.join(names)} is there to learn from")
        return parts


def read_examples(
    path: Path,
    config: SalamConfig,
    *,
    engagement: Path | None = None,
    version: str | None = None,
    max_bad_share: float = 0.05,
) -> RelevanceExamples:
    """Judged pairs of queries and products.

    Args:
        path: a file, or a folder that holds `examples` or the published files.
        config: `labels` determines the classes.
        engagement: a table of query, product_id and clicks, adds or purchases; without it the
            judgements of the train split are the behaviour.
        version: `small` or `large`, of the published data; all rows if left out.
        max_bad_share: largest share of a file's rows that may be set aside.

    Raises:
        DataError: a file is missing or damaged, a column is missing, or too many rows are bad.
    """
    quarantine = Quarantine(max_share=max_bad_share)
    table, file = read_labelled_table(path, version, quarantine)
    table = add_classes(table, file, config, quarantine)
    quarantine.check()
    if not table.height:
        raise DataError(f"{file} has no labelled pairs of {config.labels}")
    nodes = pl.concat([table["left"], table["right"]]).unique(maintain_order=True)
    number = pl.DataFrame({"key": nodes, "node": pl.int_range(len(nodes), eager=True)})
    shown = pl.concat(
        [
            table.select(key="left", text="query"),
            table.select(key="right", text="text"),
        ]
    ).unique("key", keep="first", maintain_order=True)
    texts = number.join(shown, on="key", how="left", maintain_order="left")["text"].to_list()
    regions = table["locale"].unique().sort().to_list()
    left = table.join(number, left_on="left", right_on="key", how="left", maintain_order="left")
    right = table.join(number, left_on="right", right_on="key", how="left", maintain_order="left")
    pairs = NodePairs(
        left["node"].to_numpy().astype(np.int32),
        right["node"].to_numpy().astype(np.int32),
        table["class"].to_numpy().astype(np.int64),
        table["locale"].replace_strict(regions, range(len(regions))).to_numpy().astype(np.int64),
    )
    split = _split(table, config.seed)
    parts = {name: pairs.take(split == name) for name in PARTS}
    if engagement is not None:
        behaviour = _behaviour_from_engagement(engagement, number, quarantine)
        quarantine.check()
    else:
        behaviour = _behaviour_from_labels(parts["train"], len(nodes), config)
    for name in ("valid", "test"):
        behaviour = behaviour.without(parts[name])
    return RelevanceExamples(
        nodes.to_list(), texts, regions, parts, behaviour, behaviour, quarantine
    )


def shop_examples(
    name: str,
    catalog: Catalog,
    graph: RelationGraph,
    config: SalamConfig,
    *,
    valid: float = 0.1,
    test: float = 0.2,
) -> RelevanceExamples:
    """Labelled pairs of products from a shop's lists or events, split by product.

    Args:
        name: of the shop, its only locale.
        catalog: the products.
        graph: the relations.
        config: its `seed` draws the split and the irrelevant pairs.
        valid: share of products for choosing the best epoch.
        test: share of products to be tested with; 0 learns from all.

    Raises:
        DataError: the shop has no pair of some class.
    """
    behaviour = behaviour_from_relations(graph)
    pairs = labelled_pairs(graph, catalog, config.seed)
    split = PairSplit.from_parts(
        behaviour, pairs, split_products(behaviour.n, valid, test, config.seed)
    )
    if len(np.unique(split.train.labels)) < len(config.classes):
        raise DataError(
            f"{name}: learning {', '.join(config.classes)} needs products that were only viewed "
            "together, and products that were only bought together"
        )
    keys = [f"p\t\t{product}" for product in catalog.ids]
    parts = {"train": split.train, "valid": split.valid, "test": split.test}
    return RelevanceExamples(
        keys, product_texts(catalog), [name], parts, split.training_graph, split.inference_graph
    )


def _split(table: pl.DataFrame, seed: int) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Part of each pair; a query is in one part alone.

    Test is what the table calls so, or else a fifth of its queries; a twentieth of the others, or
    one at least, chooses the best epoch.
    """
    queries = table["left"].rank("dense").to_numpy().astype(np.int64) - 1
    drawn = np.random.default_rng([seed, len(table)]).random(queries.max() + 1)[queries]
    if "split" in table.columns and (table["split"] == "test").any():
        is_test = (table["split"] == "test").fill_null(value=False).to_numpy()
    else:
        is_test = drawn > 0.8
        drawn = drawn / 0.8
    rest = np.unique(drawn[~is_test])
    least = rest[min(len(rest) - 1, 1)] if len(rest) else 0.0
    is_validation = ~is_test & (drawn < max(0.05, least))
    return np.where(is_test, "test", np.where(is_validation, "valid", "train"))


def _behaviour_from_labels(train: NodePairs, n: int, config: SalamConfig) -> BehaviourGraph:
    """Labels of the train split as relations; irrelevant pairs have none."""
    edges = {}
    for number, name in enumerate(config.classes):
        if not name.endswith("irrelevant"):
            of = train.labels == number
            edges[name] = (train.left[of], train.right[of])
    return BehaviourGraph.from_edges(n, edges)


def _behaviour_from_engagement(
    path: Path, number: pl.DataFrame, quarantine: Quarantine
) -> BehaviourGraph:
    table = read_table(path, quarantine)
    kinds = [name for name in ENGAGEMENT_COLUMNS if name in table.columns]
    if not kinds:
        require_columns(table, ("clicks",), path.name)
    counts = table.select(ROW, *kinds).with_columns(
        pl.col(kind).cast(pl.Float64, strict=False).fill_null(0) for kind in kinds
    )
    named_table = rename_columns(table, path.name)
    require_columns(named_table, ("query", "product_id"), path.name)
    keyed_pairs = add_keys(named_table, path.name, quarantine).join(counts, on=ROW)
    ends = keyed_pairs.join(number.rename({"key": "left", "node": "one"}), on="left").join(
        number.rename({"key": "right", "node": "other"}), on="right"
    )
    edges: dict[str, tuple[Rows, Rows]] = {}
    for kind in kinds:
        of = ends.filter(pl.col(kind) > 0)
        edges[kind] = (
            of["one"].to_numpy().astype(np.int32),
            of["other"].to_numpy().astype(np.int32),
        )
    return BehaviourGraph.from_edges(number.height, edges)
