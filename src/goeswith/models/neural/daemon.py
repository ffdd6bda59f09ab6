"""DAEMON: two states of every product, one as a source and one as a target (Virinchi et al., 2022).

A product passes messages along directed co-purchase edges and along co-view edges. Here the 2n
states are rows of one table, source states first: row u is the source state of product u, row
n + u its target state. With A the co-purchase and V the co-view matrix, algorithm 1 is then

    h_l = normalise(ReLU(B h_{l-1} W_l) + ReLU(C h_{l-1} W_l)),   B = [0 A; A' 0],  C = [V 0; 0 V']

and every term of the loss (Eq 2) is a pair of states that should agree or should not.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows
from goeswith.data.catalog import Catalog
from goeswith.models.neural.training import (
    ContentConfig,
    PairValidation,
    TrainedVectors,
    TrainingRun,
    require_torch,
)
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_VIEW, csr

if TYPE_CHECKING:
    import torch

    from goeswith.models.neural.torch_messages import MessageStep


class DaemonConfig(ContentConfig):
    """Settings of DAEMON; the defaults are the paper's, but for step size, batch and id vectors."""

    batch: int = Field(
        4096, ge=1, description="Batch size: co-purchase or co-view edges per training step."
    )
    dimension: int = Field(64, ge=2, description="Dimension of the product vectors.")
    fan_outs: tuple[int, ...] = Field(
        (20, 10, 10),
        min_length=1,
        description="Number of neighbours sampled per relation, one number per layer, starting "
        "at the product; written 20-10-10 in a model specification.",
    )
    id_vectors: bool | None = Field(
        None,
        description="Add a learned vector to the input of each product. Not set: only if more "
        "than ten products share a description on average.",
    )
    negatives: int = Field(5, ge=1, description="Random negatives per co-purchase edge.")
    negative_form: Literal["sigmoid_minus", "one_minus"] = Field(
        "sigmoid_minus",
        description="Probability of a negative pair: sigmoid(-x), or sigmoid(1 - x) as printed "
        "in the paper.",
    )
    temperature: float = Field(
        1.0, gt=0, description="Temperature: cosines are divided by it before the sigmoid."
    )
    co_view: bool = Field(True, description="Use co-view edges in message passing and in the loss.")
    asymmetry: bool = Field(True, description="Add a loss for the reverse of one-way edges.")
    self_term: bool = Field(
        False, description="Add a self-loop: each product also receives its own message."
    )
    last_relu: bool = Field(
        True, description="Apply ReLU in the last layer too, so that no cosine is negative."
    )
    only_targets: bool = Field(
        False,
        description="Recommend only products that are the target of an edge. The loss draws no "
        "others as negatives.",
    )
    nearest: int = Field(
        10,
        ge=1,
        description="Number of similar products whose vectors stand for a product without edges.",
    )

    @field_validator("fan_outs", mode="before")
    @classmethod
    def _written_with_dashes(cls, value: Any) -> Any:
        return value.split("-") if isinstance(value, str) else value

    @field_validator("fan_outs")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value) < 1:
            raise ValueError("each is at least 1")
        return value


class Daemon(TrainedVectors):
    """A directed graph network with a source and a target vector of every product."""

    name = "daemon"
    Config = DaemonConfig
    config: DaemonConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        require_torch(self.name)
        import torch

        from goeswith.models.neural.torch_layers import device, normal
        from goeswith.models.neural.torch_messages import (
            Messages,
            full_step,
            nearest_rows,
            propagate,
            sample_steps,
        )

        config, where, n = self.config, device(), graph.n
        content = config.content_encoder().fit(catalog).encode(catalog)
        views = _ones(graph[CO_VIEW].count) if config.co_view else csr(n, [], [], [])
        validation = PairValidation(graph, config.validation_share, config.seed)
        edges = _ones(validation.split.graph.complements.count)

        torch.manual_seed(config.seed)
        sizes = [content.shape[1], *[config.dimension] * len(config.fan_outs)]
        layers = [torch.nn.init.xavier_uniform_(normal(*size)) for size in pairwise(sizes)]
        with_ids = _is_ambiguous(content) if config.id_vectors is None else config.id_vectors
        ids = [normal(n, sizes[0])] if with_ids else []
        module = torch.nn.ParameterList([*layers, *ids]).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        run = TrainingRun(self, module, optimizer, data=[edges, views, content])
        inputs = torch.from_numpy(content).to(where)
        linked = torch.from_numpy(~_isolated(edges, views)[:, None]).to(where)

        def encode(steps: list[MessageStep], states: Rows) -> torch.Tensor:
            """The vectors that the last step gives; `states` speak in the first."""
            products = torch.from_numpy(states % n).to(where)
            x = inputs[products]
            if ids:
                x = x + ids[0][products] * linked[products]
            return propagate(steps, x, layers, config.self_term, config.last_relu)

        def vectors(messages: Messages) -> tuple[Floats, Floats]:
            step = full_step(messages, where)
            with torch.no_grad():
                x = encode([step] * len(config.fan_outs), np.arange(2 * n, dtype=np.int32))
            return _split_states(x.cpu().numpy(), messages.bought, config.only_targets)

        messages = Messages.from_edges(edges, views, views.T)
        bought, viewed, one_way = _pairs(edges), _pairs(views), _one_way(edges) & config.asymmetry
        targets = np.unique(np.concatenate([bought[:, 1], viewed[:, 1]]))
        for _ in run.epochs():
            losses = []
            for batch in batches(len(bought), len(viewed), config.batch, run.rng):
                part, view_part = map(run.workers.share, batch)
                drawn = run.rng.choice(targets, (len(batch[0]), config.negatives))
                drawn = run.workers.share(drawn)
                agree, differ = loss_pairs(n, bought[part], one_way[part], drawn, viewed[view_part])
                states, place = np.unique(np.concatenate([agree, differ]), return_inverse=True)
                pairs = torch.from_numpy(place.reshape(-1, 2)).to(where)
                loss = pair_loss(
                    encode(*sample_steps(messages, states, config.fan_outs, run.own, where)),
                    pairs[: len(agree)],
                    pairs[len(agree) :],
                    config.temperature,
                    config.negative_form,
                )
                losses.append(run.step(loss, len(part) + len(view_part)))
            hit_rate = validation.hit_rate(*vectors(messages))
            run.finish(float(np.mean(losses)) if losses else 0.0, hit_rate)
        run.restore_best()
        self.history = run.history

        # the validation edges teach nothing, but they carry messages in the vectors that answer
        everything = _ones(graph.complements.count)
        cold = _isolated(everything, views)
        near = nearest_rows(content, cold, ~cold, config.nearest)
        self.source_vectors, self.target_vectors = vectors(
            Messages.from_edges(everything, views + near, views.T + near)
        )
        return self


def batches(
    bought: int, viewed: int, size: int, rng: np.random.Generator
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Co-purchase and co-view edges in random order, at most `size` of either in a step.

    Both are spread evenly over the steps, so that the sums of Eq 2 keep their proportion.
    """
    steps = -(-max(bought, viewed) // size)
    if steps:
        yield from zip(
            *(np.array_split(rng.permutation(count), steps) for count in (bought, viewed)),
            strict=True,
        )


def loss_pairs(
    n: int, bought: Rows, one_way: npt.NDArray[np.bool_], drawn: Rows, viewed: Rows
) -> tuple[Rows, Rows]:
    """Eq 2 as pairs of states: those that should agree, and those that should not.

    Args:
        n: products; state u is product u as a source, n + u as a target.
        bought: (b, 2) co-purchase edges.
        one_way: (b,) edges whose reverse is none: their reverse should not agree.
        drawn: (b, k) random products z.
        viewed: (c, 2) co-view edges.

    Returns:
        (p, 2) and (q, 2) int32 states.
    """
    forward = np.stack([bought[:, 0], bought[:, 1] + n], axis=1)
    agree = [forward, forward[one_way], viewed, viewed + n]
    u = np.repeat(bought[:, :1], drawn.shape[1], axis=0)
    random = np.hstack([u, drawn.reshape(-1, 1) + n])
    differ = [random[drawn.ravel() != u[:, 0]], forward[one_way][:, ::-1] + [-n, n]]
    return (
        np.concatenate(agree).astype(np.int32),
        np.concatenate(differ).astype(np.int32),
    )


def pair_loss(
    vectors: torch.Tensor,
    agree: torch.Tensor,
    differ: torch.Tensor,
    temperature: float,
    negative_form: str,
) -> torch.Tensor:
    """The sum of -log of the probability of each pair, with x the cosine over the temperature.

    sigmoid(x) of pairs that agree; sigmoid(-x) of the others, or sigmoid(1 - x) as printed.

    Args:
        vectors: (m, d) states.
        agree: (p, 2) rows of `vectors`.
        differ: (q, 2) rows of `vectors`.
        temperature: of all pairs.
        negative_form: `sigmoid_minus` or `one_minus`.
    """
    from torch.nn import functional

    def logits(pairs: torch.Tensor) -> torch.Tensor:
        return (vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(1) / temperature

    other = 1.0 if negative_form == "one_minus" else 0.0
    return -(
        functional.logsigmoid(logits(agree)).sum()
        + functional.logsigmoid(other - logits(differ)).sum()
    )


def _is_ambiguous(content: Floats) -> bool:
    """Whether more than ten products share an input, in the mean, or none has attributes."""
    return not content.any() or 10 * len(np.unique(content, axis=0)) < len(content)


def _ones(matrix: Sparse) -> Sparse:
    ones = matrix.copy()
    ones.data[:] = 1
    return ones


def _pairs(matrix: Sparse) -> Rows:
    """(nnz, 2) row and column of every edge."""
    return np.stack([entry_rows(matrix), matrix.indices.astype(np.int32)], axis=1)


def _one_way(edges: Sparse) -> npt.NDArray[np.bool_]:
    """(nnz,) edges whose reverse is none."""
    if not edges.nnz:
        return np.zeros(0, dtype=bool)
    backward = np.asarray(edges[edges.indices, entry_rows(edges)]).ravel()
    return np.asarray(backward == 0)


def _split_states(states: Floats, bought: Sparse, only_targets: bool) -> tuple[Floats, Floats]:
    """Source and target vectors; with `only_targets`, zeros where a source is never a target.

    Args:
        states: (2n, d).
        bought: (2n, 2n) CSR of the messages along co-purchase edges.
        only_targets: see `DaemonConfig`.
    """
    n = len(states) // 2
    s, t = states[:n], states[n:]
    if only_targets:
        listens = np.diff(bought.indptr) > 0
        t[listens[:n] & ~listens[n:]] = 0
    return s, t


def _isolated(bought: Sparse, viewed: Sparse) -> npt.NDArray[np.bool_]:
    """(n,) products without an edge of either kind."""
    both = bought + viewed
    return np.asarray(
        (np.asarray(both.sum(axis=0)).ravel() + np.asarray(both.sum(axis=1)).ravel()) == 0
    )
