"""Complements of a product that the catalogue does not hold, from its attributes alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from goeswith.core.arrays import Rows
from goeswith.core.errors import ConfigError, DataError
from goeswith.data.catalog import Catalog
from goeswith.data.clean import clean_products
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.variants import find_variants
from goeswith.query.resolved_constraints import ResolvedConstraints
from goeswith.query.select import (
    fuse,
    make_recommendations,
    probability_mask,
)
from goeswith.query.slate_order import make_slate
from goeswith.store.product_lookup import MAX_TEXT_LENGTH, display_name

if TYPE_CHECKING:
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext
    from goeswith.query.recommendation import Recommendation
    from goeswith.query.recommendation_list import RecommendationList
    from goeswith.store.evidence import Evidence

MAX_CHARACTERS: Final = 50_000
"""Of a product given by its attributes, as JSON."""
_MAX_NAME: Final = 200
"""Characters of the title and the type of a new product that an answer repeats."""


def clean_new_products(
    records: Sequence[Mapping[str, Any]], catalog_frame: pl.DataFrame, file: str
) -> Catalog:
    """Products given by their attributes, cleaned as those of the catalogue were.

    Args:
        records: attributes by name, each with a `product_id`.
        catalog_frame: the catalogue, whose columns they may have.
        file: name for messages.

    Raises:
        DataError: an attribute is not a column of the catalogue or cannot be read.
    """
    from difflib import get_close_matches

    names = list(dict.fromkeys(name for record in records for name in record))
    for name in names:
        if name not in catalog_frame.columns:
            near = get_close_matches(name, catalog_frame.columns, n=1)
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else f"the attributes are {', '.join(catalog_frame.columns)}"
            )
            raise DataError(f"{file}: the catalogue has no attribute {name!r}; {hint}")
    columns = {ROW: pl.int_range(1, len(records) + 1, eager=True)}
    for name in names:
        values = [record.get(name) for record in records]
        try:
            columns[name] = pl.Series(name, values, dtype=_value_type(values), strict=False)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise DataError(f"{file}: {name} = {values[0]!r} cannot be read: {error}") from error
    quarantine = Quarantine()
    catalog = clean_products(pl.DataFrame(columns), file, quarantine, catalog_frame=catalog_frame)
    for row in quarantine.rows.head(1).iter_rows(named=True):
        raise DataError(f"{file}: {row['reason']} (got {row['value']!r})")
    return catalog


def _value_type(values: list[Any]) -> pl.DataType:
    if any(isinstance(value, list) for value in values):
        return pl.List(pl.String)
    if any(isinstance(value, dict) for value in values):
        raise TypeError("a value is a text, a number, true, false, or a list of texts")
    return pl.String()


def _shortened(text: str | None) -> str | None:
    return text if text is None or len(text) <= _MAX_NAME else f"{text[: _MAX_NAME - 1]}…"


def recommend_for_new(
    bundle: QueryContext, attributes: Mapping[str, Any], k: int, constraints: Constraints | None
) -> RecommendationList[Recommendation]:
    """See `Bundle.complements_of_new`."""
    if not bundle.online:
        raise ConfigError(
            "new products are scored by models, which are not loaded here; set serve.live = true"
        )
    try:
        encoded = json.dumps(dict(attributes))
    except (TypeError, ValueError) as error:
        raise DataError(f"the attributes of the product cannot be read: {error}") from error
    if len(encoded) > MAX_CHARACTERS:
        raise DataError(
            f"the attributes of the product are longer than {MAX_CHARACTERS:,} characters; leave "
            "out what does not describe it"
        )
    product_id = str(attributes.get("product_id") or "new product")
    if len(product_id) > MAX_TEXT_LENGTH:
        raise DataError(
            f"the id of the product is longer than {MAX_TEXT_LENGTH} characters; use a shorter one"
        )
    if bundle.products.contains(product_id):
        raise DataError(f"the product {product_id!r} is in the catalogue: query it by its id")
    record = {**attributes, "product_id": product_id}
    catalog = clean_new_products([record], bundle.table.frame, "the new product")
    constraints_ = ResolvedConstraints.from_constraints(bundle, constraints, [])
    same_title = bundle.products.rows_with_title((catalog.text("title") or [None])[0] or "")
    constraints_.allowed[find_variants(catalog, bundle.table.frame, same_title)] = False
    if constraints_.rules is not None:
        constraints_.rules.restrict(constraints_.allowed, 0)
    ranked_list = bundle.scorer.top_k_from(
        lambda model: model.score_new(catalog), constraints_.allowed, bundle.k, by_attributes=True
    )
    candidates = fuse([ranked_list], probability_mask(bundle))
    slate = make_slate(bundle, candidates, constraints_, constraints_.allowed, k)
    kind = catalog.type_names[0] if catalog.type_names else None
    code = bundle.products.type_code(kind)
    # each answer repeats them
    title = [_shortened((catalog.text("title") or [None])[0])]
    kind = _shortened(kind)

    def evidence(best: int, targets: Rows, model_index: Rows) -> list[Evidence]:
        return bundle.evidence.for_new_product(code, targets)

    fallback_name = title[0] or f"the new {kind or 'product'}"
    name = display_name(product_id, title[0], kind) if "product_id" in attributes else fallback_name
    answers = make_recommendations(bundle, slate, evidence, [name], [product_id])
    return slate.as_list(answers, constraints_)
