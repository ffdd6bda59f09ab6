"""Tables of judged pairs -> nodes, behaviour and pairs.

Read are the public shopping-queries data as published (Reddy et al., 2022: examples, products,
sources), one table of queries, product texts and labels, and a shop's own relations, in which a
product stands in the place of the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from goeswith.arrays import Rows
from goeswith.data.catalog import Catalog
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import READABLE, read_table, require
from goeswith.data.values import text
from goeswith.errors import DataError
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.labels import CLASSES, class_of
from goeswith.language.salam.nodes import Behaviour, Pairs
from goeswith.language.salam.product_pairs import behaviour_of, labelled_pairs
from goeswith.language.salam.split import PARTS, Split, split_products
from goeswith.language.text import MOST, clean_text, product_texts
from goeswith.relations.graph import RelationGraph

ENGAGED: Final = ("clicks", "adds", "purchases")
"""Columns of a table of engagement, each a relation between a query and a product."""
_NAMES: Final = {
    "query": "query",
    "keyword": "query",
    "source": "query",
    "product_id": "product_id",
    "asin": "product_id",
    "product_title": "title",
    "title": "title",
    "text": "title",
    "target": "title",
    "product_brand": "brand",
    "brand": "brand",
    "product_color": "color",
    "color": "color",
    "product_bullet_point": "bullet_point",
    "esci_label": "label",
    "label": "label",
    "product_locale": "locale",
    "locale": "locale",
    "split": "split",
}
"""Columns by the names that tables give them."""
_PUBLISHED: Final = "shopping_queries_dataset_"
_SHOWN: Final = ("title", "brand", "color", "bullet_point")


@dataclass
class Examples:
    """Judged pairs of texts, and what people did.

    Attributes:
        keys: (n,) what each node is known by: `q`, locale and query, or `p`, locale and product.
        texts: (n,) what is read of each.
        regions: names of the locales; `Pairs.regions` are their numbers.
        parts: `train`, `valid` and `test` -> pairs of each.
        seen: behaviour that learning may see.
        known: behaviour that is known when the others are asked, without any edge of theirs.
        rows: the number of each test pair's row in its file, where pairs come from one.
    """

    keys: list[str]
    texts: list[str]
    regions: list[str]
    parts: dict[str, Pairs]
    seen: Behaviour
    known: Behaviour
    quarantine: Quarantine = field(default_factory=Quarantine)

    def of_regions(self, names: Sequence[str]) -> dict[str, Pairs]:
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
        found = {k: pairs.take(np.isin(pairs.regions, numbers)) for k, pairs in self.parts.items()}
        if not len(found["train"]):
            raise DataError(f"no pair of {', '.join(names)} is there to learn from")
        return found


def read_examples(
    path: Path,
    config: SalamConfig,
    *,
    engagement: Path | None = None,
    version: str | None = None,
    max_bad_share: float = 0.05,
) -> Examples:
    """Judged pairs of queries and products.

    Args:
        path: a file, or a folder that holds `examples` or the published files.
        config: its `labels` say which classes there are.
        engagement: a table of query, product_id and clicks, adds or purchases; without it the
            judgements of the train split are the behaviour.
        version: `small` or `large`, of the published data; all rows if left out.
        max_bad_share: largest share of a file's rows that may be set aside.

    Raises:
        DataError: a file is missing or damaged, a column is missing, or too many rows are bad.
    """
    quarantine = Quarantine(max_share=max_bad_share)
    table, file = _table(path, version, quarantine)
    table = _clean(table, file, config, quarantine)
    quarantine.check()
    if not table.height:
        raise DataError(f"{file} holds no judged pair of labels {config.labels}")
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
    pairs = Pairs(
        left["node"].to_numpy().astype(np.int32),
        right["node"].to_numpy().astype(np.int32),
        table["class"].to_numpy().astype(np.int64),
        table["locale"].replace_strict(regions, range(len(regions))).to_numpy().astype(np.int64),
    )
    split = _split(table, config.seed)
    parts = {name: pairs.take(split == name) for name in PARTS}
    if engagement is not None:
        behaviour = _engagement(engagement, number, quarantine)
    else:
        behaviour = _judged(parts["train"], len(nodes), config)
    for name in ("valid", "test"):
        behaviour = behaviour.without(parts[name])
    return Examples(nodes.to_list(), texts, regions, parts, behaviour, behaviour, quarantine)


def examples_of_shop(
    name: str,
    catalog: Catalog,
    graph: RelationGraph,
    config: SalamConfig,
    *,
    valid: float = 0.1,
    test: float = 0.2,
) -> Examples:
    """Pairs of products by what a shop's lists or events say of them, split by product.

    Args:
        name: of the shop, its only locale.
        catalog: the products.
        graph: what is known of them.
        config: its `seed` draws the split and the irrelevant pairs.
        valid: share of products for choosing the best epoch.
        test: share of products to be tested with; 0 learns from all.

    Raises:
        DataError: the shop has no pair of some class.
    """
    behaviour = behaviour_of(graph)
    pairs = labelled_pairs(graph, catalog, config.seed)
    split = Split.of(behaviour, pairs, split_products(behaviour.n, valid, test, config.seed))
    if len(np.unique(split.train.labels)) < len(config.classes):
        raise DataError(
            f"{name}: learning {', '.join(config.classes)} needs products that were only viewed "
            "together, and products that were only bought together"
        )
    keys = [f"p\t\t{product}" for product in catalog.ids]
    parts = {"train": split.train, "valid": split.valid, "test": split.test}
    return Examples(keys, product_texts(catalog), [name], parts, split.seen, split.known)


def pairs_to_ask(path: Path, quarantine: Quarantine) -> pl.DataFrame:
    """A table of pairs to be classified: its columns, and left, right (keys), query and text.

    Args:
        path: a file with `query`, and `title` or `product_id`.
        quarantine: takes rows without either.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    table = _renamed(read_table(path, quarantine), path.name)
    require(table, ("query",), path.name)
    if "title" not in table.columns and "product_id" not in table.columns:
        require(table, ("title",), path.name)
    return _keyed(table, path.name, quarantine)


def _table(path: Path, version: str | None, quarantine: Quarantine) -> tuple[pl.DataFrame, str]:
    if not path.exists():
        raise DataError(f"there is no file or folder {path}")
    if path.is_file():
        return _renamed(read_table(path, quarantine), path.name), path.name
    published = path / f"{_PUBLISHED}examples.parquet"
    if not published.exists():
        found = [path / f"examples{s}" for s in READABLE if (path / f"examples{s}").exists()]
        if not found:
            raise DataError(
                f"{path} holds neither {published.name} nor a table `examples` with the columns "
                "query, product_title or text, esci_label or label"
            )
        return _renamed(
            _of_version(read_table(found[0], quarantine), version), found[0].name
        ), found[0].name
    examples = _of_version(read_table(published, quarantine), version)
    require(examples, ("query", "product_id", "product_locale", "esci_label"), published.name)
    products = read_table(path / f"{_PUBLISHED}products.parquet", quarantine).drop(ROW)
    require(
        products, ("product_id", "product_locale", "product_title"), f"{_PUBLISHED}products.parquet"
    )
    whole = examples.join(
        products.unique(["product_id", "product_locale"], keep="first"),
        on=["product_id", "product_locale"],
        how="left",
        maintain_order="left",
    )
    whole = quarantine.split(
        whole,
        published.name,
        pl.col("product_title").is_null(),
        "product_id and locale are not in the table of products",
        "product_id",
    )
    return _renamed(whole, published.name), published.name


def _of_version(table: pl.DataFrame, version: str | None) -> pl.DataFrame:
    if version is None:
        return table
    if version not in {"small", "large"}:
        raise DataError(f"there is no version {version!r} of the data; take small or large")
    name = f"{version}_version"
    require(table, (name,), "the table of examples")
    return table.filter(pl.col(name).cast(pl.String).is_in(["1", "true", "True"]))


def _renamed(table: pl.DataFrame, file: str) -> pl.DataFrame:
    """Columns by our names; of two that mean one thing the first in `_NAMES` stays."""
    names: dict[str, str] = {}
    for theirs, ours in _NAMES.items():
        if theirs in table.columns and ours not in names.values():
            names[theirs] = ours
    kept = table.select(ROW, *names).rename(names)
    return kept.with_columns(text(kept[name], file) for name in kept.columns if name != ROW)


def _keyed(table: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    """With keys and texts of both ends; rows without a query or a product are set aside."""
    locale = pl.col("locale").fill_null("") if "locale" in table.columns else pl.lit("")
    table = table.with_columns(locale=locale)
    table = quarantine.split(table, file, pl.col("query").is_null(), "no query", "query")
    shown = [name for name in _SHOWN if name in table.columns]
    table = table.with_columns(
        query=_cleaned("query"),
        text=pl.concat_str(
            [_cleaned(name) for name in shown] or [pl.lit("")], separator=", ", ignore_nulls=True
        ),
    )
    if "product_id" not in table.columns:
        table = table.with_columns(product_id="text")
    table = table.with_columns(product_id=pl.col("product_id").fill_null(pl.col("text")))
    table = quarantine.split(table, file, pl.col("query") == "", "no query", "query")
    table = quarantine.split(
        table, file, (pl.col("product_id") == ""), "neither a product's id nor its text", "text"
    )
    return table.with_columns(
        left=pl.format("q\t{}\t{}", "locale", "query"),
        right=pl.format("p\t{}\t{}", "locale", "product_id"),
    )


def _cleaned(name: str) -> pl.Expr:
    return pl.col(name).map_elements(lambda said: clean_text(said, MOST), return_dtype=pl.String)


def _clean(
    table: pl.DataFrame, file: str, config: SalamConfig, quarantine: Quarantine
) -> pl.DataFrame:
    """With keys and classes; rows without a query, a text or a known label are set aside."""
    require(table, ("query", "label"), file)
    if "title" not in table.columns:
        require(table, ("title",), file)
    known = {
        label: class_of(label, config.labels) for label in table["label"].drop_nulls().unique()
    }
    classes = [label for label, number in known.items() if number is not None]
    words = " or ".join(CLASSES)
    table = quarantine.split(
        table,
        file,
        ~pl.col("label").is_in(classes) | pl.col("label").is_null(),
        f"the label is not {words}, or their first letter, as {config.labels} has them",
        "label",
    )
    table = quarantine.split(table, file, pl.col("title").is_null(), "no product text", "title")
    numbers = [known[label] for label in classes]
    table = table.with_columns(
        pl.col("label").replace_strict(classes, numbers, return_dtype=pl.Int64).alias("class")
    )
    return _keyed(table, file, quarantine).unique(
        ["left", "right"], keep="first", maintain_order=True
    )


def _split(table: pl.DataFrame, seed: int) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Part of each pair; a query is in one part alone.

    Test is what the table calls so, or else a fifth of its queries; a twentieth of the others, or
    one at least, chooses the best epoch.
    """
    queries = table["left"].rank("dense").to_numpy().astype(np.int64) - 1
    drawn = np.random.default_rng([seed, len(table)]).random(queries.max() + 1)[queries]
    if "split" in table.columns and (table["split"] == "test").any():
        tested = (table["split"] == "test").fill_null(value=False).to_numpy()
    else:
        tested = drawn > 0.8
        drawn = drawn / 0.8
    rest = np.unique(drawn[~tested])
    least = rest[min(len(rest) - 1, 1)] if len(rest) else 0.0
    held = ~tested & (drawn < max(0.05, least))
    return np.where(tested, "test", np.where(held, "valid", "train"))


def _judged(train: Pairs, n: int, config: SalamConfig) -> Behaviour:
    """Judgements of the train split as relations: what was judged irrelevant is none."""
    edges = {}
    for number, name in enumerate(config.classes):
        if not name.endswith("irrelevant"):
            of = train.labels == number
            edges[name] = (train.left[of], train.right[of])
    return Behaviour.of_edges(n, edges)


def _engagement(path: Path, number: pl.DataFrame, quarantine: Quarantine) -> Behaviour:
    table = read_table(path, quarantine)
    kinds = [name for name in ENGAGED if name in table.columns]
    if not kinds:
        require(table, ("clicks",), path.name)
    counts = table.select(ROW, *kinds).with_columns(
        pl.col(kind).cast(pl.Float64, strict=False).fill_null(0) for kind in kinds
    )
    named = _renamed(table, path.name)
    require(named, ("query", "product_id"), path.name)
    keyed = _keyed(named, path.name, quarantine).join(counts, on=ROW)
    ends = keyed.join(number.rename({"key": "left", "node": "one"}), on="left").join(
        number.rename({"key": "right", "node": "other"}), on="right"
    )
    edges: dict[str, tuple[Rows, Rows]] = {}
    for kind in kinds:
        of = ends.filter(pl.col(kind) > 0)
        edges[kind] = (
            of["one"].to_numpy().astype(np.int32),
            of["other"].to_numpy().astype(np.int32),
        )
    return Behaviour.of_edges(number.height, edges)
