"""Product attributes as TF-IDF vectors, also of products without purchases.

A complete value (a type, a brand, each category, any other string) is one token with the name of
its column; titles and descriptions are split into words. The weight of token t in product p is

    tf(t, p) (ln((1 + m) / (1 + df(t))) + 1)

with m products at fit, df(t) of which have t (Salton & Buckley, 1988, smoothed as in scikit-learn);
rows are then scaled to length 1, so that the inner product of two products is their cosine.

Picture vectors of the catalogue are features, too (`PictureLandmarks`). Tokens and picture of a
product are scaled to length 1 each before they are joined: with both, the cosine of two products is
the mean of the two cosines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.core.arrays import Floats, Sparse, inverse_power, scale_columns, scale_rows
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.features.picture_landmarks import PictureLandmarks

TEXT_COLUMNS: Final = ("title", "description")
"""Columns that are split into words; they share one set of words."""


def attribute_tokens(catalog: Catalog) -> pl.DataFrame:
    """row, token: every attribute token of every product, as often as it occurs.

    Numbers, dates and missing or empty values give no token.

    >>> pot = {"product_id": "p1", "brand": "Mu", "title": "Steel pot"}
    >>> attribute_tokens(Catalog.from_records([pot]))["token"].to_list()
    ['brand=mu', 'steel', 'pot']
    """
    parts = [pl.DataFrame(schema={"row": pl.Int32, "token": pl.String})]
    for column in catalog.frame.drop("product_id").iter_columns():
        rows = pl.int_range(len(column), dtype=pl.Int32, eager=True).alias("row")
        values = pl.DataFrame([rows, column.alias("token")])
        is_list = isinstance(column.dtype, pl.List)
        if is_list:
            values = values.explode("token")
        if values["token"].dtype not in (pl.String, pl.Categorical, pl.Enum):
            continue
        token = pl.col("token").cast(pl.String).str.to_lowercase().str.strip_chars()
        if column.name in TEXT_COLUMNS and not is_list:
            # descriptions often come with their markup
            words = token.str.replace_all("<[^>]*>", " ").str.extract_all(r"\w+")
            values = values.with_columns(words).explode("token")
        else:
            stripped = values.with_columns(token).filter(pl.col("token") != "")
            values = stripped.with_columns(token=pl.lit(f"{column.name}=") + pl.col("token"))
        parts.append(values.drop_nulls())
    return pl.concat(parts)


@dataclass(frozen=True)
class AttributeEncoder:
    """Attributes to vectors, also of products outside the catalogue of `fit`.

    Attributes:
        vocabulary: (v,) sorted distinct tokens, then the names of the reference pictures.
        idf: (v,) weight of each.
        pictures: the reference pictures.
    """

    vocabulary: pl.Series
    idf: Floats
    pictures: PictureLandmarks

    @classmethod
    def fit(cls, catalog: Catalog) -> Self:
        """Learn tokens and their weights; a catalogue without attributes has none."""
        counts = attribute_tokens(catalog).group_by("token").agg(pl.col("row").n_unique())
        counts = counts.sort("token")
        idf = np.log((1 + len(catalog)) / (1 + counts["row"].to_numpy())) + 1
        pictures = PictureLandmarks.fit(catalog)
        names = pl.Series("token", pictures.names, dtype=pl.String)
        idf = np.concatenate([idf, np.ones(len(pictures))])
        return cls(counts["token"].append(names), idf.astype(np.float32), pictures)

    def encode(self, catalog: Catalog) -> Sparse:
        """(m, v) CSR float32 of the m products of a catalogue, rows of length 1.

        A product without a token of the vocabulary has a row of zeros.
        """
        columns = pl.DataFrame({"token": self.vocabulary}).with_row_index("column")
        counts = (
            attribute_tokens(catalog)
            .join(columns, on="token")
            .group_by("row", "column")
            .len()
            .sort("row", "column")
        )
        values = counts["len"].to_numpy().astype(np.float32)
        entries = (counts["row"].to_numpy(), counts["column"].to_numpy().astype(np.int32))
        shape = (len(catalog), len(self.vocabulary))
        weighted = scale_columns(sparse.csr_matrix((values, entries), shape=shape), self.idf)
        tokens = _unit_rows(weighted)
        if not len(self.pictures):
            return tokens
        words = len(self.vocabulary) - len(self.pictures)
        both = sparse.hstack([tokens[:, :words], self.pictures.encode(catalog)], format="csr")
        return _unit_rows(both)

    def arrays(self) -> Arrays:
        """The tokens as UTF-8 bytes with their ends, and idf: nothing that needs pickle."""
        encoded = [token.encode() for token in self.vocabulary]
        ends: npt.NDArray[np.int64] = np.cumsum([len(token) for token in encoded], dtype=np.int64)
        tokens = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        return {
            "tokens": tokens,
            "token_ends": ends,
            "idf": self.idf,
            **self.pictures.arrays(),
        }

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`; other names in it are ignored."""
        joined, ends = arrays["tokens"].tobytes(), arrays["token_ends"].tolist()
        tokens = [joined[a:b].decode() for a, b in zip([0, *ends], ends, strict=False)]
        vocabulary = pl.Series("token", tokens, dtype=pl.String)
        return cls(vocabulary, arrays["idf"], PictureLandmarks.restore(arrays))


def _unit_rows(matrix: Sparse) -> Sparse:
    """Rows scaled to length 1."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return scale_rows(matrix, inverse_power(length, 1))
