"""Products added to a bundle: they get answers and are proposed, and no model is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from goeswith.core.arrays import top_k
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.clean import clean_products
from goeswith.data.tables import read_table
from goeswith.pipeline.cold_start import propose
from goeswith.pipeline.precompute import Answers, NeverTogether

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from goeswith.core.arrays import Rows
    from goeswith.data.quarantine import Quarantine
    from goeswith.models.base import Recommender


@dataclass(frozen=True)
class Grown:
    """A catalogue with new products behind those that it had.

    Attributes:
        catalog: all products.
        new: rows of the new ones.
        known: how many products of the table the catalogue held before; they stay as they were.
        unused: columns of the table that the catalogue does not have.
    """

    catalog: Catalog
    new: Rows
    known: int
    unused: list[str]


def with_products(known: Catalog, file: Path, quarantine: Quarantine) -> Grown:
    """A catalogue with the products of a table that it does not hold yet.

    Raises:
        DataError: the table cannot be read, or a column of it is of another kind than the
            catalogue's.
    """
    table = clean_products(read_table(file, quarantine), file.name, quarantine).frame
    fresh = table.filter(~pl.col("product_id").is_in(known.ids.implode()))
    columns = [
        _like(fresh[name], kind, file.name)
        if name in fresh.columns
        else pl.Series(name, [None] * fresh.height, dtype=kind)
        for name, kind in known.frame.schema.items()
    ]
    catalog = Catalog(pl.concat([known.frame, pl.DataFrame(columns)]))
    return Grown(
        catalog,
        np.arange(len(known), len(catalog), dtype=np.int32),
        table.height - fresh.height,
        [name for name in table.columns if name not in known.frame.columns],
    )


def _like(values: pl.Series, kind: pl.DataType, file: str) -> pl.Series:
    """A column as the catalogue holds it."""
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
            f"{file}: the column {values.name!r} holds {values.dtype}, which is not read as the "
            f"{kind} of the bundle's catalogue: {str(error).splitlines()[0]}"
        ) from error


def answers_with_new(
    old: dict[str, npt.NDArray[Any]],
    models: list[tuple[str, Recommender | None]],
    grown: Grown,
    never: NeverTogether,
) -> Answers:
    """The answers that there are, those to the new products, and the new ones among the old.

    Args:
        old: products, scores and origin of the bundle.
        models: spec and model, first to last, as they were fitted: without the new products;
            None for one that does not read attributes.
        grown: the catalogue.
        never: what is never an answer.
    """
    before, k = old["products"].shape
    answers = Answers(len(grown.catalog), k)
    answers.products[:before], answers.scores[:before] = old["products"], old["scores"]
    answers.origin[:before] = old["origin"]
    fresh = Catalog(grown.catalog.frame[grown.new[0] :]) if len(grown.new) else None
    for spec, model in models:
        answers.models.append(spec)
        if model is None or fresh is None:
            continue
        open_ = grown.new[answers.products[grown.new, -1] < 0]
        scores = model.score_new(Catalog(fresh.frame[open_ - grown.new[0]]))
        barred = never.of(open_)[open_][:, : scores.shape[1]].tocoo()
        scores[barred.row, barred.col] = -np.inf
        answers.fill(open_, *top_k(scores, k))
    propose_new(answers, grown, never)
    return answers


def propose_new(answers: Answers, grown: Grown, never: NeverTogether) -> None:
    """Have new products that no model proposes stand beside their stand-ins."""

    def allowed(sources: npt.NDArray[np.intp], target: int) -> npt.NDArray[np.bool_]:
        rows = np.array([target], dtype=np.int32)
        return ~np.isin(sources, never.of(rows)[rows].indices)

    propose(answers, grown.catalog, grown.new, allowed)
