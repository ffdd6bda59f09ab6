"""Types and products over the vectors of Product2Vec, which are learned first and then stay."""

from __future__ import annotations

from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.neural.product2vec import Product2Vec, Product2VecConfig
from goeswith.models.neural.typed_vectors import TypedVectors
from goeswith.relations.graph import RelationGraph


class EncodedTypes(TypedVectors):
    """A model of types whose settings hold those of its encoder."""

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
