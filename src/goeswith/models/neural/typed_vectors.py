"""Models that predict complement types, and so make slates of K types x M products."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, top_k
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import mask_excluded
from goeswith.models.neural.product2vec import Product2Vec, Product2VecConfig
from goeswith.models.neural.training import TrainedVectors
from goeswith.relations.graph import RelationGraph


@dataclass(frozen=True)
class TypedSlate:
    """A few products of each of a few complement types, the best of every type first.

    Attributes:
        products: (b, types x items) rows, round robin over the types; -1 where none is left.
        product_types: (b, types x items) the type that each stands for, as `type_names` counts.
        types: (b, types) predicted types, the likeliest first; -1 where there are fewer.
    """

    products: Rows
    product_types: Rows
    types: Rows


class TypedVectors(TrainedVectors):
    """A model of vectors that predicts complement types too.

    Products without a type, or all of them, are of one type of their own.
    """

    type_names: list[str | None]
    """Name of every type; None, the last, for products without one."""
    types: Rows
    """(n,) type of every product, as `type_names` counts."""

    @abstractmethod
    def type_scores(self, sources: Rows) -> Floats:
        """How well each type complements each source (b,), (b, types); higher is likelier."""

    def slate(
        self, sources: Rows, types: int = 5, items: int = 12, exclude: Sparse | None = None
    ) -> TypedSlate:
        """Complement types of each source, the likeliest first, and products of each.

        Args:
            sources: (b,) rows.
            types: K, types a source.
            items: M, products a type.
            exclude: (n, n) CSR; products with an entry in a source's row are excluded.
        """
        k = min(types, len(self.type_names))
        products = np.full((len(sources), items, types), -1, dtype=np.int32)
        predicted = np.full((len(sources), types), -1, dtype=np.int32)
        proposable = self.target_vectors.any(axis=1)
        members = [
            np.flatnonzero(proposable & (self.types == code)).astype(np.int32)
            for code in range(len(self.type_names))
        ]
        empty = np.array([not len(rows) for rows in members])
        for start, block in zip(
            range(0, len(sources), self.block), blocks(sources, self.block), strict=False
        ):
            scores = self.score(block)
            likely = self.type_scores(block)
            likely[:, empty] = -np.inf
            likely[~self.source_vectors[block].any(axis=1)] = -np.inf
            mask_excluded(scores, block, exclude)
            predicted[start : start + len(block), :k] = top_k(likely, k)[0]
            for row, codes in enumerate(predicted[start : start + len(block)], start=start):
                for place, code in enumerate(codes[codes >= 0]):
                    best, _ = top_k(scores[row - start, members[code]][None], items)
                    best_rows = members[code][best[0][best[0] >= 0]]
                    products[row, : len(best_rows), place] = best_rows
        return _interleaved(products, predicted)

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.types = self.type_codes(catalog)
        return super().refresh(catalog, graph)

    def arrays(self) -> Arrays:
        names = json.dumps(self.type_names).encode()
        return {
            **super().arrays(),
            "types": self.types,
            "type_names": np.frombuffer(names, dtype=np.uint8),
        }

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.types = arrays["types"]
        self.type_names = json.loads(arrays["type_names"].tobytes())

    def set_types(self, catalog: Catalog) -> None:
        """Set the types from a catalogue."""
        self.type_names = [*catalog.type_names, None]
        self.types = self.type_codes(catalog)

    def type_codes(self, catalog: Catalog) -> Rows:
        """(m,) place of each product's type in `type_names`; the last where it is not there."""
        place = {name: code for code, name in enumerate(self.type_names)}
        none = len(self.type_names) - 1
        codes = [place.get(name, none) for name in [*catalog.type_names, None]]
        type_codes: Rows = np.array(codes, dtype=np.int32)[catalog.type_codes]
        return type_codes


def _interleaved(products: Rows, predicted: Rows) -> TypedSlate:
    """A slate of products (b, items, types): one of each type in turn, holes moved to the end."""
    b, items, types = products.shape
    flat = products.reshape(b, items * types)
    codes = np.broadcast_to(predicted[:, None], products.shape).reshape(flat.shape)
    order = np.argsort(flat < 0, axis=1, kind="stable")
    flat, codes = np.take_along_axis(flat, order, axis=1), np.take_along_axis(codes, order, axis=1)
    return TypedSlate(flat, np.where(flat < 0, -1, codes).astype(np.int32), predicted)


class EncodedTypes(TypedVectors):
    """Types and products over the vectors of Product2Vec, which are learned first and then stay."""

    config: Product2VecConfig
    encoder: Product2Vec

    def fit_encoder(self, catalog: Catalog, graph: RelationGraph) -> None:
        """Learn the encoder, with the checkpoints and the progress of this model."""
        self.encoder = self._new_encoder()
        self.encoder.checkpoints, self.encoder.on_epoch = self.checkpoints, self.on_epoch
        self.encoder.fit(catalog, graph)
        del self.encoder.source_vectors, self.encoder.target_vectors  # they rank look-alikes

    def restore_encoder(self, arrays: Arrays) -> None:
        """Read the encoder from the arrays of this model."""
        self.encoder = self._new_encoder()
        self.encoder.restore_encoder(arrays)

    def _new_encoder(self) -> Product2Vec:
        shared = self.config.model_dump(include=set(Product2VecConfig.model_fields))
        return Product2Vec(Product2VecConfig.model_validate(shared))
