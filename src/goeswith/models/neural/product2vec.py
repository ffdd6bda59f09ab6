"""Product2Vec: content vectors in which similar products are near and complements are far.

The product encoder of P-Companion (Hao et al., CIKM 2020, section 4.1): products that are viewed
as alternatives are drawn together, products that are only bought together are driven apart. After
training it reads nothing but attributes, so it encodes products without events.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, blocks
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.neural.neighbour_sampler import sample_neighbours
from goeswith.models.neural.training import (
    ContentConfig,
    PairValidation,
    TrainedVectors,
    TrainingRun,
    require_torch,
)
from goeswith.relations.graph import RelationGraph, Signals
from goeswith.relations.relation import Relation

if TYPE_CHECKING:
    import torch


class Product2VecConfig(ContentConfig):
    """Settings of Product2Vec."""

    batch: int = Field(512, ge=1, description="Batch size: training examples per step.")
    learning_rate: float = Field(0.001, gt=0, description="Learning rate of Adam.")
    dimension: int = Field(128, ge=2, description="Dimension of the product vectors.")
    fan_out: int = Field(
        10, ge=1, description="Number of sampled neighbours that a product attends to."
    )
    margin: float = Field(
        1,
        gt=0,
        description="lambda: margin of the hinge loss, as a squared distance; see `epsilon`.",
    )
    epsilon: float = Field(
        1,
        ge=0,
        description="Half width of the margin: near pairs have no loss below margin - epsilon, "
        "far pairs above margin + epsilon.",
    )


class Product2Vec(TrainedVectors):
    """An encoder of attributes in which look-alikes are near; as a recommender it should lose."""

    name = "product2vec"
    Config = Product2VecConfig
    config: Product2VecConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        require_torch(self.name)
        import torch

        from goeswith.models.neural.torch_layers import device

        config, where = self.config, device()
        self._content = self.config.content_encoder().fit(catalog)
        contents = self._content.encode(catalog)
        with_content = np.flatnonzero(contents.any(axis=1)).astype(np.int32)
        # what is held back to validate is similar pairs: they take the place of complements
        swapped = replace(graph, signals=Signals(graph.similars, graph.complements))
        validation = PairValidation(swapped, config.validation_share, config.seed)
        near = edges_between(validation.split.graph.complements, with_content)
        far = edges_between(validation.split.graph.similars, with_content)
        if not near.nnz:
            self._layers = {}
            self._finish(contents)
            return self

        torch.manual_seed(config.seed)
        module = new_network(contents.shape[1], config.dimension).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        data = [near, far, contents]
        run = TrainingRun(self, module, optimizer, data=data, pairs=validation.pairs)
        content = torch.from_numpy(contents).to(where)
        trained = np.flatnonzero(np.diff(near.indptr)).astype(np.int32)
        # what is read in an epoch: the products trained on and their neighbours
        reached = np.unique(np.concatenate([trained, near.indices, far[trained].indices]))
        read_rows = torch.from_numpy(reached.astype(np.int64)).to(where)
        for _ in run.epochs():
            losses = []
            module.train()
            for batch in blocks(run.rng.permutation(trained), config.batch):
                block = run.workers.share(batch)
                around = [
                    run.workers.share(sample_neighbours(matrix, batch, config.fan_out, run.rng))
                    for matrix in (near, far)
                ]
                # a place without a neighbour repeats the product, and is not attended to
                filled = [np.where(rows < 0, block[:, None], rows) for rows in around]
                read = np.column_stack([block, *filled])
                rows, place = np.unique(read, return_inverse=True)
                theta = module(content[torch.from_numpy(rows).to(where)])
                at = torch.from_numpy(place.reshape(read.shape)).to(where)
                neighbours = theta[at[:, 1:]].split(config.fan_out, dim=1)
                terms = [
                    neighbourhood_loss(
                        theta[at[:, 0]],
                        vectors,
                        torch.from_numpy(rows >= 0).to(where),
                        sign,
                        config,
                    )
                    for sign, vectors, rows in zip((1, -1), neighbours, around, strict=True)
                ]
                loss = torch.cat(terms)
                losses.append(run.step(loss.sum(), len(loss)))
            settle_norm(module, content[read_rows])
            self._layers = numpy_layers(module)
            sources, targets = distance_vectors(self._forward(contents))
            run.finish(float(np.mean(losses)), validation.hit_rate(sources, targets))
        run.restore_best()
        self.history = run.history
        self._layers = numpy_layers(module)
        self._finish(contents)
        return self

    def encode(self, catalog: Catalog) -> Floats:
        """Vectors theta (m, d) of the m products of a catalogue, also of new products.

        Zeros for a product without attributes. Without similar pairs there is no training:
        then the content vectors themselves.
        """
        return self._forward(self.contents(catalog))

    def contents(self, catalog: Catalog) -> Floats:
        """The content vectors (m, c) that `encode` reads."""
        return self._content.encode(catalog)

    def arrays(self) -> Arrays:
        return super().arrays() | self.encoder_arrays()

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.restore_encoder(arrays)

    def encoder_arrays(self) -> Arrays:
        """What `encode` needs."""
        return {**self._content.arrays(), **self._layers}

    def restore_encoder(self, arrays: Arrays) -> None:
        """Restore from `encoder_arrays`; other names are ignored."""
        self._content = self.config.content_encoder().restore(arrays)
        self._layers = {name: array for name, array in arrays.items() if name.startswith("layer_")}

    def _finish(self, contents: Floats) -> None:
        self.source_vectors, self.target_vectors = distance_vectors(self._forward(contents))

    def _forward(self, contents: Floats) -> Floats:
        """Eq 1: theta = tanh(tanh(C W1 + b1) W2 + b2) W3 + b3."""
        if not self._layers:
            return contents
        layers = self._layers
        hidden = np.tanh(contents @ layers["layer_w1"] + layers["layer_b1"])
        hidden = np.tanh(hidden @ layers["layer_w2"] + layers["layer_b2"])
        theta: Floats = hidden @ layers["layer_w3"] + layers["layer_b3"]
        theta[~contents.any(axis=1)] = 0
        return theta


def new_network(content: int, dimension: int) -> torch.nn.Module:
    """The network of Eq 1, its first layer normalised over the batch."""
    from torch.nn import Linear, Sequential, Tanh

    from goeswith.models.neural.torch_layers import SharedNorm

    return Sequential(
        Linear(content, dimension),
        SharedNorm(dimension),
        Tanh(),
        Linear(dimension, dimension),
        Tanh(),
        Linear(dimension, dimension),
    )


def settle_norm(network: torch.nn.Module, content: torch.Tensor) -> None:
    """Give batch normalisation the mean and variance of all products instead of a running average.

    A running average starts at mean 0 and variance 1 and forgets that slowly: in the first epochs
    of a small shop the network that answers would not be the one that was trained.

    Args:
        network: of `new_network`.
        content: (m, c) of the products that training reads.
    """
    import torch

    first, norm = network[0], network[1]  # type: ignore[index]
    with torch.no_grad():
        variance, mean = torch.var_mean(first(content), dim=0, correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


def neighbourhood_loss(
    theta: torch.Tensor,
    neighbours: torch.Tensor,
    there: torch.Tensor,
    sign: int,
    config: Product2VecConfig,
) -> torch.Tensor:
    """Hinge loss of products against their neighbourhoods (Eq 2 and 3).

    Args:
        theta: (b, d).
        neighbours: (b, f, d) theta of sampled neighbours.
        there: (b, f) which of them are neighbours and not padding.
        sign: 1 where they are similar, -1 where they are complements.
        config: margin and epsilon.

    Returns:
        (c,) losses of the c products that have a neighbour.
    """
    some = there.any(dim=1)
    theta, neighbours, there = theta[some], neighbours[some], there[some]
    similarity = (neighbours * theta[:, None]).sum(dim=2)
    attention = similarity.masked_fill(~there, -np.inf).softmax(dim=1)
    neighbourhood = (attention[:, :, None] * neighbours).sum(dim=1)
    return hinge(((theta - neighbourhood) ** 2).sum(dim=1), sign, config)


def hinge(distance: torch.Tensor, sign: int, config: Product2VecConfig) -> torch.Tensor:
    """max(0, epsilon - y (lambda - distance)) of squared distances (Eq 3, 6, 8), y = +1 or -1."""
    return (config.epsilon - sign * (config.margin - distance)).clamp(min=0)


def distance_vectors(theta: Floats) -> tuple[Floats, Floats]:
    """Source and target vectors whose inner product is -||theta_i - theta_j||^2; zeros stay."""
    square = (theta**2).sum(axis=1, keepdims=True)
    is_non_zero = (square > 0).astype(np.float32)
    return np.hstack([2 * theta, -is_non_zero, -square]), np.hstack([theta, square, is_non_zero])


def edges_between(edges: Relation, rows: Rows) -> Sparse:
    """(n, n) CSR of the edges between products whose rows are `rows`."""
    return edges.filter(np.isin(edges.sources, rows) & np.isin(edges.targets, rows)).count


def numpy_layers(network: torch.nn.Module) -> Arrays:
    """The trained layers as numpy arrays, batch normalisation folded into the first."""
    state = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
    scale = state["1.weight"] / np.sqrt(state["1.running_var"] + 1e-5)
    layers = {
        "layer_w1": np.ascontiguousarray(state["0.weight"].T * scale),
        "layer_b1": (state["0.bias"] - state["1.running_mean"]) * scale + state["1.bias"],
    }
    for number, index in enumerate((3, 5), start=2):
        layers[f"layer_w{number}"] = np.ascontiguousarray(state[f"{index}.weight"].T)
        layers[f"layer_b{number}"] = state[f"{index}.bias"]
    return layers
