"""A preference in words beside the history, after Mender.

Paischer et al. (2024), *Preference Discerning with LLM-Enhanced Generative Retrieval* (arXiv
2412.08604).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import polars as pl
import torch
from pydantic import Field

from goeswith.core.arrays import Floats
from goeswith.data.catalog import Catalog
from goeswith.evaluation.protocols.next_product import hit, target_rank
from goeswith.kinds.catalog_kinds import tag_catalog
from goeswith.kinds.table_reader import load_table
from goeswith.models.base import ModelConfig
from goeswith.sequential.neural.sequence_batch import SequenceBatch
from goeswith.sequential.sequences import Ints, Sequences
from text_model import last_places, linear
from text_transformer import HistoryReader, Hllm, HllmConfig


class PreferencesConfig(HllmConfig):
    """Settings of a preference in words."""

    given: float = Field(
        0.5, ge=0, le=1, description="Share of training places with the kind of the next product."
    )


class Preferences(Hllm):
    """The reader of `hllm`, whose last place also reads the name of the wanted kind of product.

        x_t = norm(W_in [v_t, q_t]) + p_t

    q is the text vector of the kind's name ("ink cartridge"), or zeros without a preference. In
    training it is the kind of the next product at a share `given` of the places. In the paper a
    language model writes preferences from reviews, and codes of products are generated; there, too,
    the preference of a test may name the target.
    """

    name: ClassVar[str] = "preferences"
    Config: ClassVar[type[ModelConfig]] = PreferencesConfig
    config: PreferencesConfig
    wanted: Ints | None = None
    """(b,) kinds that `score` reads, -1 for none."""

    def build(self, catalog: Catalog, train: Sequences) -> torch.nn.Module:
        kinds = [tag.kind for tag in tag_catalog(catalog)]
        names = sorted({kind for kind in kinds if kind})
        self.kinds = np.array([names.index(kind) if kind else -1 for kind in kinds])
        table = load_table().kinds
        titles = [table[name].name for name in names]
        frame = pl.DataFrame({"product_id": names, "title": titles})
        self.words = torch.tensor(self.encoder.encode(Catalog(frame)))
        width = self.content.shape[1]
        reader = HistoryReader(self.config, 2 * width)
        return torch.nn.ModuleDict({"reader": reader, "item": linear(width, reader.width)})

    def place_inputs(self, batch: SequenceBatch) -> torch.Tensor:
        return self._inputs(batch, np.full(batch.products.shape, -1))

    def _inputs(self, batch: SequenceBatch, kinds: Ints) -> torch.Tensor:
        """Products and preferences; kind -1 is none."""
        words = self.words[torch.from_numpy(np.maximum(kinds, 0))]
        words = words * torch.from_numpy(kinds >= 0)[..., None]
        return torch.cat([self.content[torch.from_numpy(batch.products)], words], dim=-1)

    def batch_loss(self, rows: Any, train: Sequences) -> tuple[torch.Tensor, int]:
        batch = SequenceBatch.from_sequences(train.take(rows))
        has_next = batch.filled[:, 1:]
        targets = batch.products[:, 1:][has_next]
        named = torch.rand(has_next.shape).numpy() < self.config.given
        kinds = np.where(named & has_next, self.kinds[batch.products[:, 1:]], -1)
        states = self.module["reader"](self._inputs(batch.up_to(-1), kinds))[-1]
        return self.next_product_loss(states[torch.from_numpy(has_next)], targets), len(targets)

    def prefix_states(self, prefixes: Sequences) -> torch.Tensor:
        batch = SequenceBatch.from_sequences(prefixes)
        kinds = np.full(batch.products.shape, -1)
        if self.wanted is not None:
            kinds[np.arange(len(prefixes)), prefixes.lengths - 1] = self.wanted
        states = self.module["reader"](self._inputs(batch, kinds))[-1]
        return last_places(states, prefixes)

    @property
    def reads_only_text(self) -> bool:
        return False  # the kinds are those of the catalogue

    def scores_for(self, prefixes: Sequences, kinds: Ints) -> Floats:
        """(b, n) scores of prefixes, each with a wanted kind."""
        parts = []
        for start in range(0, len(prefixes), self.block):
            rows = np.arange(start, min(start + self.block, len(prefixes)))
            self.wanted = kinds[rows]
            parts.append(self.score(prefixes.take(rows)))
        self.wanted = None
        return np.concatenate(parts)

    def more_figures(self, case: Any) -> dict[str, Any]:
        """Tests whose target has a kind: with its name, with another's, and beside a filter.

        A filter leaves the products of the named kind, in the order without a preference.
        """
        tests = np.flatnonzero(self.kinds[case.targets] >= 0)
        prefixes, targets = case.prefixes.take(tests), case.targets[tests]
        kinds = self.kinds[targets]
        others = np.random.default_rng(0).permutation(kinds)
        plain = self.scores_for(prefixes, np.full(len(tests), -1))
        alike = self.kinds == kinds[:, None]
        filtered = np.where(alike, plain, -np.inf)
        found = {
            "no preference": (plain, kinds),
            "kind of the target": (self.scores_for(prefixes, kinds), kinds),
            "another kind": (self.scores_for(prefixes, others), others),
            "no preference, filtered by kind": (filtered, kinds),
        }
        figures: dict[str, Any] = {}
        for name, (scores, wanted) in found.items():
            first = np.argpartition(-scores, 9, axis=1)[:, :10]
            of_kind = (self.kinds[first] == wanted[:, None]) & np.isfinite(
                np.take_along_axis(scores, first, axis=1)
            )
            figures[name] = {
                "hit@10": round(float(hit(target_rank(scores, targets), 10).mean()), 5),
                "of the kind@10": round(float(of_kind.mean()), 5),
                "tests": len(tests),
            }
        return figures
