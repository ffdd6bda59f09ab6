"""The graph branch: two true hops of typed neighbours around each end of a pair.

The authors' code reads a star of one hop (`papers`, 3.2: its second hop finds nothing) and averages
class scores over all nodes of it. Here neighbours of a relation are averaged, each relation has
weights of its own (Hamilton et al., 2017; Schlichtkrull et al., 2018), and the two ends are
compared element by element.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goeswith.language.salam.behaviour_graph import BehaviourGraph


class NeighbourSampler:
    """Draws neighbours on the device where the model is."""

    def __init__(self, behaviour: BehaviourGraph, device: torch.device) -> None:
        self.relations = [
            (
                torch.as_tensor(matrix.indptr.astype("int64"), device=device),
                torch.as_tensor(matrix.indices.astype("int64"), device=device),
            )
            for matrix in behaviour.relations.values()
        ]

    def draw(self, nodes: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Neighbours of each node, drawn with replacement.

        Args:
            nodes: (...,).
            count: f, for each relation.
            generator: of the draws; on the sampler's device.

        Returns:
            (..., r, f) nodes and whether there is one: a node without edges has none.
        """
        neighbours, exists_ = [], []
        for indptr, indices in self.relations:
            start = indptr[nodes][..., None]
            degree = indptr[nodes + 1][..., None] - start
            at = torch.rand((*nodes.shape, count), generator=generator, device=nodes.device)
            place = start + (at * degree).long().clamp(max=torch.clamp(degree - 1, min=0))
            exists = degree.expand_as(place) > 0
            drawn = indices[torch.where(exists, place, 0)] if len(indices) else place * 0
            neighbours.append(torch.where(exists, drawn, 0))
            exists_.append(exists)
        return torch.stack(neighbours, dim=-2), torch.stack(exists_, dim=-2)


class RelationLayer(nn.Module):
    """Own vector and the mean of each relation's neighbours, each with weights of its own."""

    def __init__(self, inputs: int, outputs: int, relations: int) -> None:
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.others = nn.ModuleList(
            nn.Linear(inputs, outputs, bias=False) for _ in range(relations)
        )

    def forward(self, own: Tensor, neighbours: Tensor, exists: Tensor) -> Tensor:
        """(..., outputs) of own (..., d), neighbours (..., r, f, d) and exists (..., r, f)."""
        share = exists.to(neighbours.dtype)[..., None]
        mean = (neighbours * share).sum(-2) / share.sum(-2).clamp(min=1)
        out: Tensor = self.own(own)
        for relation, layer in enumerate(self.others):
            out = out + layer(mean[..., relation, :])
        return out


class GraphBranch(nn.Module):
    """Vectors of both ends and of what lies between them."""

    def __init__(
        self, inputs: int, dimension: int, relations: int, paths: int, dropout: float
    ) -> None:
        super().__init__()
        self.path_mean: Tensor
        self.path_scale: Tensor
        self.enter = nn.Linear(inputs, dimension)
        self.first = RelationLayer(dimension, dimension, relations)
        self.second = RelationLayer(dimension, dimension, relations)
        self.between = nn.Linear(paths, dimension) if paths else None
        # path columns as they are in the pairs to learn from; see `standardize`
        self.register_buffer("path_mean", torch.zeros(paths))
        self.register_buffer("path_scale", torch.ones(paths))
        self.pair = nn.Sequential(nn.Dropout(dropout), nn.Linear(4 * dimension, dimension))
        self.norm = nn.LayerNorm(dimension)

    def standardize(self, columns: Tensor) -> None:
        """Take mean and deviation of path columns (m, p) from the pairs to learn from."""
        self.path_mean.copy_(columns.mean(0))
        self.path_scale.copy_(columns.std(0, correction=0).clamp(min=1e-3))

    def around(
        self,
        nodes: Tensor,
        unseen: Tensor,
        vectors: Tensor,
        sampler: NeighbourSampler,
        *,
        counts: tuple[int, int],
        generator: torch.Generator,
    ) -> Tensor:
        """(b, dimension) of nodes, none of whose edges to `unseen` is walked.

        Only a first step can take that edge: a second step that begins at `unseen` would have
        come over it, and one that ends there came by another way.
        """
        near, near_exists = sampler.draw(nodes, counts[0], generator)
        near_exists = near_exists & (near != unseen[:, None, None])
        far, far_exists = sampler.draw(near, counts[1], generator)
        own = self._enter(vectors, near)
        middle = torch.relu(self.first(own, self._enter(vectors, far), far_exists))
        centre = torch.relu(self.first(self._enter(vectors, nodes), own, near_exists))
        vectors_out: Tensor = self.norm(self.second(centre, middle, near_exists))
        return vectors_out

    def _enter(self, vectors: Tensor, nodes: Tensor) -> Tensor:
        return torch.relu(self.enter(vectors[nodes].to(self.enter.weight.dtype)))

    def forward(self, left: Tensor, right: Tensor, paths: Tensor | None) -> Sequence[Tensor]:
        """Tokens (b, dimension) each: the two ends, how they compare, the paths between them."""
        both = self.pair(torch.cat([left, right, left * right, (left - right).abs()], dim=-1))
        tokens = [left, right, torch.relu(both)]
        if self.between is not None and paths is not None:
            tokens.append(torch.relu(self.between((paths - self.path_mean) / self.path_scale)))
        return tokens
