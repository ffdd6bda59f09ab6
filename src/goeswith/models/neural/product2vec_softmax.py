"""Product2Vec with a softmax over the catalogue in place of its hinge, and id vectors.

The network is that of Product2Vec (P-Companion, Hao et al., CIKM 2020, section 4.1, Eq 1); what is
changed are the causes for which it finds few similar products (docs/models/product2vec.md). With
theta the network's vector of a product's attributes, and e an id vector of a product with similar
ones:

    v_i = normalise(theta_i + e_i)        x_ij = v_i . v_j / temperature

The loss of a similar pair is -log softmax of x_ij over j and all products that are not similar to
i, of which some are drawn in each step: complements of i are among them, as its negatives are in
the paper, and so are unrelated products. Half of the id vectors are dropped in each step, so that
attributes learn to stand alone; `encode` reads attributes alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, entry_rows
from goeswith.data.catalog import Catalog
from goeswith.models.neural.product2vec import (
    Product2Vec,
    Product2VecConfig,
    edges_between,
    new_network,
    numpy_layers,
    settle_norm,
)
from goeswith.models.neural.training import PairValidation, TrainingRun, require_torch
from goeswith.models.paths import in_degree, out_degree
from goeswith.relations.graph import RelationGraph, Signals

if TYPE_CHECKING:
    import torch

_ID_STEP: Final = 10
"""Step size of id vectors, of which each step moves few, in step sizes of the network."""


class Product2VecSoftmaxConfig(Product2VecConfig):
    """Settings of Product2Vec with a softmax; those of the hinge have no effect."""

    temperature: float = Field(
        0.1, gt=0, description="Temperature: cosines are divided by it before the softmax."
    )
    negatives: int = Field(3000, ge=1, description="Number of negatives drawn per training step.")
    id_vectors: bool = Field(True, description="Add a learned vector to each product with views.")
    id_dropout: float = Field(
        0.5,
        ge=0,
        lt=1,
        description="Dropout: share of the id vectors set to 0 in each training step.",
    )


class Product2VecSoftmax(Product2Vec):
    """Similar products by cosine: an encoder of attributes, and id vectors."""

    name = "product2vec_softmax"
    Config = Product2VecSoftmaxConfig
    config: Product2VecSoftmaxConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        require_torch(self.name)
        import torch

        from goeswith.models.neural.torch_layers import device

        config, where = self.config, device()
        self._content = config.content_encoder().fit(catalog)
        contents = self._content.encode(catalog)
        with_content = np.flatnonzero(contents.any(axis=1)).astype(np.int32)
        # what is held back to validate is similar pairs: they take the place of complements
        swapped = replace(graph, signals=Signals(graph.similars, graph.complements))
        validation = PairValidation(swapped, config.validation_share, config.seed)
        near = edges_between(validation.split.graph.complements, with_content)
        near.data = np.ones_like(near.data)
        if not near.nnz:
            self._layers = {}
            self._finish(contents)
            return self

        torch.manual_seed(config.seed)
        network = new_network(contents.shape[1], config.dimension)
        ids = torch.nn.Embedding(graph.n, config.dimension)
        torch.nn.init.normal_(ids.weight, std=0.1)
        module = torch.nn.ModuleDict({"network": network, "ids": ids}).to(where)
        groups: list[dict[str, Any]] = [
            {"params": network.parameters()},
            {"params": ids.parameters(), "lr": _ID_STEP * config.learning_rate},
        ]
        optimizer = torch.optim.Adam(groups, lr=config.learning_rate)
        run = TrainingRun(self, module, optimizer, data=[near, contents], pairs=validation.pairs)
        content = torch.from_numpy(contents).to(where)
        with_ids = (out_degree(near) + in_degree(near) > 0) & config.id_vectors
        has_id = torch.from_numpy(with_ids.astype(np.float32)[:, None]).to(where)
        sources = np.flatnonzero(out_degree(near)).astype(np.int32)
        for _ in run.epochs():
            losses = []
            module.train()
            for batch in blocks(run.rng.permutation(sources), config.batch):
                block = run.workers.share(batch)
                drawn = np.sort(run.rng.permutation(with_content)[: config.negatives])
                # one draw for the complete batch, the same in all workers
                mask = torch.rand(graph.n, 1, device=where, generator=run.generator)
                loss = similar_loss(
                    (network, ids),
                    (content, has_id * (mask >= config.id_dropout)),
                    near[block],
                    (block, drawn),
                    share=len(drawn) / len(with_content),
                    temperature=config.temperature,
                )
                losses.append(run.step(loss, near[block].nnz))
            unit = _answers((network, ids), content, has_id, with_content)
            run.finish(float(np.mean(losses)), validation.hit_rate(unit, unit))
        run.restore_best()
        self.history = run.history
        self.source_vectors = _answers((network, ids), content, has_id, with_content)
        self.target_vectors = self.source_vectors
        self._layers = numpy_layers(network)
        return self


def similar_loss(
    modules: tuple[torch.nn.Module, torch.nn.Embedding],
    products: tuple[torch.Tensor, torch.Tensor],
    near: Sparse,
    rows: tuple[Rows, Rows],
    *,
    share: float,
    temperature: float,
) -> torch.Tensor:
    """`sampled_softmax_loss` of the cosines of similar products.

    Args:
        modules: the network, and the id vectors.
        products: content vectors (n, c), and (n, 1) what id vectors are multiplied by.
        near: (b, n) CSR of products similar to the sources.
        rows: the sources (b,), and the drawn products (m,).
        share: of all products, how many are drawn.
        temperature: divides cosines.
    """
    import torch
    from torch.nn.functional import normalize

    from goeswith.models.neural.torch_layers import sampled_softmax_loss

    (network, ids), (content, id_mask), (block, drawn) = modules, products, rows

    def on_device(array: npt.NDArray[np.integer]) -> torch.Tensor:
        return torch.from_numpy(array.astype(np.int64)).to(content.device)

    read, place = np.unique(np.concatenate([block, near.indices, drawn]), return_inverse=True)
    at = on_device(read)
    unit = normalize(network(content[at]) + id_mask[at] * ids(at), dim=1)
    i, j, w = unit[on_device(place)].tensor_split((len(block), len(block) + near.nnz))
    logits, pairs = i @ w.T / temperature, (i[on_device(entry_rows(near))] * j).sum(1) / temperature
    return sampled_softmax_loss(logits, pairs, near, rows, share)


def _answers(
    modules: tuple[torch.nn.Module, torch.nn.Embedding],
    content: torch.Tensor,
    has_id: torch.Tensor,
    read: Rows,
) -> Floats:
    """(n, d) vectors of length 1; zeros of products without attributes."""
    import torch
    from torch.nn.functional import normalize

    network, ids = modules
    settle_norm(network, content[torch.from_numpy(read).to(content.device)])
    network.eval()
    with torch.no_grad():
        theta = network(content) + has_id * ids.weight
        theta[~content.any(dim=1)] = 0
        unit: Floats = normalize(theta, dim=1).cpu().numpy()
    return unit
