"""Mechanisms of published sequence models that change the loss, as subclasses of SasRec.

s (p, d) are the states of the places of a training step, e (n, d) the item vectors, both of length
1, and t the temperature. Whatever a paper changes beside its mechanism stays as in `sasrec`, so
that a difference is that of the mechanism.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from goeswith.core.arrays import Floats
from goeswith.data.catalog import Catalog
from goeswith.sequential.item_knn import ItemKnn
from goeswith.sequential.neural.layers import (
    NumpyOps,
)
from goeswith.sequential.neural.sasrec import SasRec
from goeswith.sequential.neural.torch_sequence_layers import TrainingStep
from goeswith.sequential.neural.trained_sequence_model import NextProductConfig
from goeswith.sequential.sequences import Ints, Sequences
from mechanism_states import TwoQueries, TwoQueriesConfig


class DistilledConfig(NextProductConfig):
    """Settings of transition distillation."""

    soft: float = Field(0.3, ge=0, le=1, description="Share of the soft target.")
    teacher: str = Field("", description="Settings of item_knn, joined by ;.")


class Distilled(SasRec):
    """Transition distillation of MQSA-TED (Zhu et al., 2023, arXiv 2311.01056).

    The paper distils counted transitions into item vectors by a KL divergence. Here the target of
    a place is (1 - soft) [next product] + soft q, with q the shares of `item_knn` for the last
    product read, without that product:

        -log softmax(s e' / t)[y] + soft (s e_y - s sum_j q_j e_j) / t

    which is the cross-entropy of that target. The sum over j is estimated by one draw.
    """

    name = "distilled"
    Config = DistilledConfig
    config: DistilledConfig

    def prepare_training(self, catalog: Catalog, train: Sequences) -> None:
        given = dict(item.split("=") for item in self.config.teacher.split(";") if item)
        near = ItemKnn(ItemKnn.make_config(given)).fit(catalog, train).near.tocsr()
        near.setdiag(0)
        near.eliminate_zeros()
        self._starts, self._columns = near.indptr.astype(np.int64), near.indices
        self._sums = np.concatenate([[0], np.cumsum(near.data.astype(np.float64))])

    def loss(self, step: TrainingStep) -> torch.Tensor:
        last = step.batch.products[step.places]
        has_soft = self._starts[last + 1] > self._starts[last]
        rows, place = np.unique(self._draw(last[has_soft], step.rng), return_inverse=True)
        soft = functional.embedding(step.ops.array(place), step.items(rows))
        has_soft = step.ops.array(has_soft)
        hard = functional.embedding(step.targets[has_soft], step.vectors)
        gap = (step.states[has_soft] * (hard - soft)).sum() / step.temperature
        return step.next_product(step.states, step.vectors) + self.config.soft * gap

    def _draw(self, products: Ints, rng: np.random.Generator) -> Ints:
        """A product of `item_knn` for each of some products, by its share."""
        first, end = self._starts[products], self._starts[products + 1]
        low, high = self._sums[first], self._sums[end]
        drawn = low + rng.random(len(products)) * (high - low)
        entry = np.searchsorted(self._sums, drawn, side="right") - 1
        return self._columns[np.clip(entry, first, end - 1)].astype(np.int64)


class MqsaTedConfig(TwoQueriesConfig, DistilledConfig):
    """Settings of both parts of MQSA-TED."""


class MqsaTed(Distilled, TwoQueries):
    """Two queries and transition distillation together (Zhu et al., 2023, arXiv 2311.01056)."""

    name = "mqsa_ted"
    Config = MqsaTedConfig
    config: MqsaTedConfig


class LaterProductsConfig(NextProductConfig):
    """Settings of targets further on."""

    soft: float = Field(0.3, ge=0, le=1, description="Share of the later product in the target.")
    reach: float = Field(2.0, gt=0, description="Mean places beyond the next one.")


class LaterProducts(SasRec):
    """The target is the next product and, for a share, one further on in the same sequence.

    Of no paper: reviews of one day have no order of their own, so that the next product is often
    one of several. The place of the later product is drawn from a geometric distribution; where
    the sequence ends before it, the next product is the complete target.
    """

    name = "later_products"
    Config = LaterProductsConfig
    config: LaterProductsConfig

    def loss(self, step: TrainingStep) -> torch.Tensor:
        sequence = step.places.nonzero()[0]
        place = np.arange(len(sequence))
        later = place + step.rng.geometric(1 / (1 + self.config.reach), len(place))
        inside = np.flatnonzero(later < len(place))
        inside = inside[sequence[later[inside]] == sequence[inside]]
        hard = functional.embedding(step.targets[inside], step.vectors)
        soft = functional.embedding(step.targets[later[inside]], step.vectors)
        gap = (step.states[inside] * (hard - soft)).sum() / step.temperature
        return step.next_product(step.states, step.vectors) + self.config.soft * gap


class IntentContrastConfig(NextProductConfig):
    """Settings of the contrast of states."""

    contrast: float = Field(0.1, ge=0, description="Weight of the contrast.")
    contrast_temperature: float = Field(0.2, gt=0, description="Its temperature.")


class IntentContrast(SasRec):
    """Coarse intent contrast of ICSRec (Qin et al., 2023, arXiv 2310.14318).

    Subsequences with the same next product have the same intent. For each place with such a
    partner in another sequence of the step: -log softmax of its cosine with one of them, drawn
    anew, among all places with other targets. The fine contrast, with centres of k-means, is left
    out.
    """

    name = "intent_contrast"
    Config = IntentContrastConfig
    config: IntentContrastConfig

    def partners(self, step: TrainingStep) -> tuple[Any, Any, Any]:
        """Places with a partner, the partner of each, and (p, p) pairs of one intent."""
        targets = step.products
        sequence = step.places.nonzero()[0]
        draws = step.rng.random(len(targets))
        order = np.lexsort((draws, targets))
        after = np.roll(order, -1)
        fits = (targets[order] == targets[after]) & (sequence[order] != sequence[after])
        return order[fits], after[fits], targets[:, None] == targets

    def loss(self, step: TrainingStep) -> torch.Tensor:
        one, other, same = self.partners(step)
        loss = step.next_product(step.states, step.vectors)
        if not len(one):
            return loss
        cosines = step.states[one] @ step.states.T / self.config.contrast_temperature
        same = torch.from_numpy(same[one])
        partner = cosines[torch.arange(len(one)), torch.from_numpy(other)]
        others = torch.logsumexp(cosines.masked_fill(same, -torch.inf), dim=1)
        return loss + self.config.contrast * functional.softplus(others - partner).sum()


class TextContrast(IntentContrast):
    """Semantic positives of SRA-CL (Cui et al., 2025, arXiv 2503.04162).

    The contrast of ICSRec between a place and the place of another sequence whose products read
    so far have the most similar attributes (mean over the prefix). The paper's language model
    describes the shopper, its text encoder finds candidates, and a learned network mixes them.
    """

    name = "text_contrast"

    def prepare_training(self, catalog: Catalog, train: Sequences) -> None:
        content = self.encoder.encode(catalog)
        self._content = content / np.maximum(np.linalg.norm(content, axis=1, keepdims=True), 1e-9)

    def partners(self, step: TrainingStep) -> tuple[Any, Any, Any]:
        read = self._content[step.batch.products] * step.batch.filled[..., None]
        means = np.cumsum(read, axis=1)[step.places]
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        sequence = step.places.nonzero()[0]
        similar = means @ means.T
        similar[sequence[:, None] == sequence] = -1
        other = similar.argmax(axis=1)
        targets = step.products
        same = (targets[:, None] == targets) | (sequence[:, None] == sequence)
        return np.arange(len(other)), other, same


class Matryoshka(SasRec):
    """Matryoshka loss of fMRLRec (Wang et al., 2024, arXiv 2409.16627).

    The mean of the losses of the first 16, 32, ... d entries of states and item vectors, each cut
    to length 1, so that vectors can be cut after training. The paper nests the maps of its layers,
    too, and reads pictures.
    """

    name = "matryoshka"
    SMALLEST = 16
    size: int | None = None
    """Entries that `score` reads; None for all."""

    @property
    def sizes(self) -> list[int]:
        d = self.config.dimension
        return [d // 2**k for k in range(10) if d // 2**k >= min(self.SMALLEST, d)]

    def loss(self, step: TrainingStep) -> torch.Tensor:
        losses = [
            step.next_product(
                functional.normalize(step.states[:, :size], dim=1),
                functional.normalize(step.vectors[:, :size], dim=1),
            )
            for size in self.sizes
        ]
        return torch.stack(losses).mean()

    def score(self, prefixes: Sequences) -> Floats:
        if self.size is None:
            return super().score(prefixes)
        batch, places = self.prepare_prefixes(prefixes)
        x = self.vectors[batch.products] * np.float32(self.config.dimension**0.5)
        states = self.states(NumpyOps(), self.weights, x, batch)[np.arange(len(places)), places]
        states, vectors = (
            part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9)
            for part in (states[:, : self.size], self.vectors[:, : self.size])
        )
        scores: Floats = states @ vectors.T
        return scores


class RandomInterestConfig(NextProductConfig):
    """Settings of interest as a random function."""

    divergence: float = Field(0.05, ge=0, description="Weight of the KL divergence.")


class RandomInterest(SasRec):
    """Interest as a random function, after IDNP (Du et al., 2022, arXiv 2208.04600).

    A state is the mean of a normal distribution, with a learned variance. Training scores a draw,
    and pulls the distribution at a place to that at the next place, which has read the target: a
    KL divergence. Inference scores the mean. The paper's encoder is a neural process over few
    interactions.
    """

    name = "random_interest"
    Config = RandomInterestConfig
    config: RandomInterestConfig

    def shapes(self) -> dict[str, tuple[int, ...]]:
        d = self.config.dimension
        return {**super().shapes(), "spread": (d, d), "spread_bias": (1, d)}

    def loss(self, step: TrainingStep) -> torch.Tensor:
        d = self.config.dimension
        logs = (step.states @ step.weights["spread"] + step.weights["spread_bias"]) - 2
        noise = torch.randn_like(logs) * torch.exp(logs) * d**-0.5
        drawn = functional.normalize(step.states + noise, dim=1)
        sequence = torch.from_numpy(step.places.nonzero()[0])
        goes_on = (sequence[1:] == sequence[:-1]).nonzero()[:, 0]
        mean, log = step.states[goes_on] * d**0.5, logs[goes_on]
        next_mean, next_log = step.states[goes_on + 1] * d**0.5, logs[goes_on + 1]
        ratio = torch.exp(2 * (next_log - log))
        apart = (next_mean - mean) ** 2 * torch.exp(-2 * log)
        divergence = 0.5 * (ratio + apart - 1).sum() - (next_log - log).sum()
        loss = step.next_product(drawn, step.vectors)
        return loss + self.config.divergence / d * divergence
