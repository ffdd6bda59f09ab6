"""New products in a bundle: they have recommendations and are recommended, without training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from goeswith.core.arrays import top_k
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.clean import clean_products
from goeswith.data.mapping.column_mapping import map_columns, with_earlier_columns
from goeswith.data.mapping.parents import roll_up
from goeswith.data.pictures.picture_encoder import with_pictures
from goeswith.data.tables import read_table
from goeswith.pipeline.cold_start import insert_new_products
from goeswith.pipeline.exclusion_index import ExclusionIndex
from goeswith.pipeline.top_k_table import TopKTable
from goeswith.store.manifest import TOP_K
from goeswith.store.precomputed_topk import model_index_array

if TYPE_CHECKING:
    import numpy.typing as npt

    from goeswith.core.arrays import Rows
    from goeswith.data.config import DataConfig
    from goeswith.data.quarantine import Quarantine
    from goeswith.models.base import Recommender


@dataclass(frozen=True)
class ExtendedCatalog:
    """A catalogue with new products after the existing ones.

    Attributes:
        catalog: all products.
        new: rows of the new ones.
        existing: number of products of the table that are in the catalogue; they do not change.
        unused: columns of the table that are not in the catalogue.
    """

    catalog: Catalog
    new: Rows
    existing: int
    unused: list[str]


def as_in_fit(  # noqa: PLR0917
    frame: pl.DataFrame,
    table: str,
    file: str,
    quarantine: Quarantine,
    config: DataConfig,
    report: Mapping[str, Any],
) -> pl.DataFrame:
    """A table for an update, with columns and parents as in the fit.

    Args:
        frame: as `read_table` returns it.
        table: events or products.
        file: name for messages.
        quarantine: takes rows that cannot be used.
        config: settings of the fit.
        report: of the load, in the manifest.

    Raises:
        DataError: the meaning of a column is not clear, or the parents of products are not given.
    """
    for entry in report.get("tables", []):
        if entry["table"] == table:
            config = with_earlier_columns(config, table, frame.columns, entry["columns"])
    frame, mapping = map_columns(frame, table, file, config)
    mapping.check()
    column = config.parent.column
    if column is not None and column not in frame.columns:
        raise DataError(
            f"{file} has no column {column!r}, by which the fit counted variants as their "
            "parents; add it, or fit again from all data"
        )
    tables, _ = roll_up({table: frame}, {table: file}, quarantine, config.parent)
    return tables[table]


def extend_catalog(
    catalog: Catalog,
    file: Path,
    quarantine: Quarantine,
    config: DataConfig,
    report: Mapping[str, Any],
) -> ExtendedCatalog:
    """A catalogue with the new products of a table; `config` and `report` as in `as_in_fit`.

    Raises:
        DataError: the table cannot be read, or a column of it is of another kind than the
            catalogue's.
    """
    table = read_table(file, quarantine, config)
    table = as_in_fit(table, "products", file.name, quarantine, config, report)
    table = clean_products(table, file.name, quarantine, config.decimal, catalog.frame).frame
    fresh = table.filter(~pl.col("product_id").is_in(catalog.ids.implode()))
    fresh = with_pictures(Catalog(fresh), config.pictures, quarantine).catalog.frame
    columns = [
        _cast_like(fresh[name], kind, file.name)
        if name in fresh.columns
        else pl.Series(name, [None] * fresh.height, dtype=kind)
        for name, kind in catalog.frame.schema.items()
    ]
    extended = Catalog(pl.concat([catalog.frame, pl.DataFrame(columns)]))
    return ExtendedCatalog(
        extended,
        np.arange(len(catalog), len(extended), dtype=np.int32),
        table.height - fresh.height,
        [name for name in table.columns if name not in catalog.frame.columns],
    )


def _cast_like(values: pl.Series, kind: pl.DataType, file: str) -> pl.Series:
    """A column converted to the type of the catalogue's column."""
    try:
        if kind == pl.Boolean and values.dtype == pl.String:
            words = values.str.to_lowercase()
            return words.replace_strict(
                {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False},
                return_dtype=pl.Boolean,
            )
        return values.cast(kind)
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise DataError(
            f"{file}: the column {values.name!r} has type {values.dtype}, which cannot become "
            f"{kind}, the type in the bundle's catalogue: {str(error).splitlines()[0]}"
        ) from error


def extend_top_k(
    old: dict[str, npt.NDArray[Any]],
    models: list[tuple[str, Recommender | None]],
    extended: ExtendedCatalog,
    exclusions: ExclusionIndex,
) -> TopKTable:
    """The stored recommendations, extended by recommendations for and of new products.

    Args:
        old: arrays of the bundle's top-k table.
        models: spec and model, in order, fitted without the new products; None for a model that
            does not use attributes.
        extended: the catalogue.
        exclusions: products that are never recommended.
    """
    before, k = old["products"].shape
    table = TopKTable(len(extended.catalog), k)
    table.products[:before], table.scores[:before] = old["products"], old["scores"]
    table.model_index[:before] = model_index_array(old, Path(TOP_K), warn=False)
    fresh = Catalog(extended.catalog.frame[extended.new[0] :]) if len(extended.new) else None
    for spec, model in models:
        table.models.append(spec)
        if model is None or fresh is None:
            continue
        unfilled = extended.new[table.products[extended.new, -1] < 0]
        scores = model.score_new(Catalog(fresh.frame[unfilled - extended.new[0]]))
        excluded = exclusions.for_products(unfilled)[unfilled][:, : scores.shape[1]].tocoo()
        scores[excluded.row, excluded.col] = -np.inf
        table.fill(unfilled, *top_k(scores, k))
    insert_new(table, extended, exclusions)
    return table


def insert_new(table: TopKTable, extended: ExtendedCatalog, exclusions: ExclusionIndex) -> None:
    """Insert new products that no model recommends after their stand-ins."""

    def allowed(sources: npt.NDArray[np.intp], target: int) -> npt.NDArray[np.bool_]:
        rows = np.array([target], dtype=np.int32)
        return ~np.isin(sources, exclusions.for_products(rows)[rows].indices)

    insert_new_products(table, extended.catalog, extended.new, allowed)
