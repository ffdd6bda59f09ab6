"""Retrieval by one attribute at a time, and which attribute a shopper's history speaks for.

After ToolRec, Zhao et al. (2024), *Let Me Do It For You: Towards LLM Empowered Recommendation via
Tool Learning* (arXiv 2405.15114).
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.kinds.catalog_kinds import tag_catalog
from goeswith.models.base import ModelConfig
from goeswith.sequential.base import SessionModel
from goeswith.sequential.item_knn import ItemKnn
from goeswith.sequential.sequences import Ints, Sequences


class ToolsConfig(ModelConfig):
    """Settings of attribute-wise retrieval."""

    smoothing: float = Field(5.0, gt=0, description="Purchases by popularity added to each value.")
    behaviour: bool = Field(True, description="Whether `item_knn` is one of the tools.")


class AttributeTools(SessionModel):
    """A mixture of retrievals by kind, by brand, by popularity and by behaviour.

    The tool of an attribute a, with the value a(i) of the last product i and popularity f:

        t_a(j) = P(a(j) follows a(i)) f_j / sum of f over products with the value a(j)

    The score is the sum of the tools' probabilities, weighted by context: whether the last two
    products agree in kind, and in brand. The weights are those that make the last products of a
    fifth of the sequences likeliest (EM), with tools that have learned from the others. In the
    paper a language model chooses the tools and their values, in several rounds.
    """

    name: ClassVar[str] = "attribute_tools"
    Config: ClassVar[type[ModelConfig]] = ToolsConfig
    config: ToolsConfig

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        kinds = [tag.kind or "" for tag in tag_catalog(catalog)]
        brands = [(title or "").split(" ")[0].lower() for title in catalog.text("title") or []]
        self.values = [np.unique(of, return_inverse=True)[1] for of in (kinds, brands)]
        rows = np.random.default_rng(0).permutation(len(sequences))
        held = np.zeros(len(sequences), dtype=bool)
        held[rows[: len(rows) // 5]] = True
        self._learn(catalog, sequences.take(np.flatnonzero(~held)))
        tests = sequences.take(np.flatnonzero(held & (sequences.lengths > 1)))
        self.weights = self._tool_weights(*tests.split_last())
        self._learn(catalog, sequences)
        return self

    def _learn(self, catalog: Catalog, sequences: Sequences) -> None:
        n = len(catalog)
        frequency = np.bincount(sequences.products, minlength=n) + 0.1
        self.popular = frequency / frequency.sum()
        self.near = ItemKnn().fit(catalog, sequences)
        self.follows = []
        for values in self.values:
            groups = sparse.csr_matrix((np.ones(n), (np.arange(n), values)))
            prior = groups.T @ self.popular
            counts = (groups.T @ self.near.near @ groups).toarray()
            counts += self.config.smoothing * prior
            shares = counts / counts.sum(axis=1, keepdims=True)
            self.follows.append(shares / np.maximum(prior, 1e-12))

    def tools(self, prefixes: Sequences) -> list[Floats]:
        """(b, n) shares of each tool."""
        last = prefixes.products[np.maximum(prefixes.starts[1:] - 1, 0)]
        shares = [np.tile(self.popular, (len(prefixes), 1))]
        for values, follows in zip(self.values, self.follows, strict=True):
            shares.append(follows[values[last]][:, values] * self.popular)
        if self.config.behaviour:
            shares.append(self.near.shares(prefixes))
        return shares

    def contexts(self, prefixes: Sequences) -> Ints:
        """(b,) agreement of the last two products: 1 for kind, plus 2 for brand; 4 for one."""
        last = prefixes.products[np.maximum(prefixes.starts[1:] - 1, 0)]
        before = prefixes.products[np.maximum(prefixes.starts[1:] - 2, 0)]
        kind, brand = (values[last] == values[before] for values in self.values)
        return np.where(prefixes.lengths > 1, kind + 2 * brand, 4)

    def _tool_weights(self, prefixes: Sequences, targets: Ints) -> Floats:
        """(5, tools) by EM; a context with few tests stays near the weights of all."""
        rows = np.arange(len(targets))
        likelihood = np.stack([tool[rows, targets] for tool in self.tools(prefixes)], axis=1)
        contexts = self.contexts(prefixes)
        every = np.full(likelihood.shape[1], 1 / likelihood.shape[1])
        weights = np.tile(every, (5, 1))
        for _ in range(50):
            shares = likelihood * every
            shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-30)
            every = (shares.sum(axis=0) + 0.1) / (shares.sum() + 0.1 * len(every))
        for context in range(5):
            some = likelihood[contexts == context]
            own = every
            for _ in range(50):
                shares = some * own
                shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-30)
                own = (shares.sum(axis=0) + 20 * every) / (shares.sum() + 20)
            weights[context] = own
        return weights

    def score(self, prefixes: Sequences) -> Floats:
        weights = self.weights[self.contexts(prefixes)]
        scores = np.zeros((len(prefixes), self.n))
        for tool, shares in enumerate(self.tools(prefixes)):
            scores += weights[:, tool, None] * shares
        scores[prefixes.lengths == 0] = 0
        return np.where(scores > 0, scores, -np.inf).astype(np.float32)

    def arrays(self) -> Arrays:
        return {"weights": self.weights, "popular": self.popular}

    def restore(self, arrays: Arrays) -> None:
        raise NotImplementedError("models of this benchmark are not stored: fit them again")

    @property
    def n(self) -> int:
        return len(self.popular)
