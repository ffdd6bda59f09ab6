"""Training of trees on the candidates of held-out sequences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.core.ndcg import single_target_ndcg
from goeswith.ranking.gradient_trees import train_until_best, tree_settings
from goeswith.sequential.sequences import Ints, Sequences

if TYPE_CHECKING:
    import lightgbm

    from goeswith.sequential.trees.config import SessionTreesConfig

MIN_LISTS: Final = 200
"""Prefixes to learn from whose next product is a candidate, at least."""
MAX_FOLD: Final = 0.2
"""Share of the sequences that the members of a fold are fitted without, at most."""
_MAX_PER_SEQUENCE: Final = 4
_LAST_POSITION: Final = 0.5
"""Chance that the last product of a sequence is the target; else any one after the first."""
_LEAST: Final = 50
"""Rows in a leaf."""
_PATIENCE: Final = 50
_K: Final = 20
_OTHER: Final = {
    "metric": "ndcg",
    "eval_at": [_K],
    "lambdarank_truncation_level": 30,
    "feature_fraction": 0.5,
    "max_bin": 127,
}


@dataclass(frozen=True)
class Lists:
    """Candidates of prefixes, of which one is the next product.

    Attributes:
        columns: (m, c) of candidates, prefix by prefix.
        label: (m,) whether each is the next product.
        sizes: (l,) candidates of each prefix; no prefix lacks its next product.
    """

    columns: Floats
    label: npt.NDArray[np.bool_]
    sizes: Ints

    @classmethod
    def of(cls, row: Ints, columns: Floats, label: npt.NDArray[np.bool_]) -> Lists:
        """The prefixes whose next product is a candidate; `row` has the prefix of each."""
        has_target = np.zeros(int(row.max(initial=-1)) + 1, dtype=bool)
        has_target[row[label]] = True
        used = has_target[row]
        sizes = np.unique(row[used], return_counts=True)[1].astype(np.int64)
        return cls(columns[used], label[used], sizes)

    @classmethod
    def concatenate(cls, parts: Sequence[Lists]) -> Lists:
        """All lists of some parts."""
        return cls(
            np.concatenate([part.columns for part in parts]),
            np.concatenate([part.label for part in parts]),
            np.concatenate([part.sizes for part in parts]),
        )

    def sampled(self, others: int, rng: np.random.Generator) -> Lists:
        """At most so many candidates of each prefix beside its next product, drawn."""
        row = np.repeat(np.arange(len(self.sizes)), self.sizes)
        draw = np.where(self.label, -1.0, rng.random(len(row)))
        order = np.lexsort((draw, row))
        starts = np.cumsum(self.sizes) - self.sizes
        place = np.empty(len(row), dtype=np.int64)
        place[order] = np.arange(len(row)) - starts[row[order]]
        used = place <= others
        return Lists(self.columns[used], self.label[used], np.minimum(self.sizes, others + 1))

    def ndcg(self, scores: npt.NDArray[np.float64]) -> float:
        """Sum of nDCG@20 of the order by some scores (m,)."""
        row = np.repeat(np.arange(len(self.sizes)), self.sizes)
        target = scores[self.label]
        above = np.bincount(row[scores > target[row]], minlength=len(self.sizes))
        return float(single_target_ndcg(above + 1, _K).sum())


def draw_folds(sequences: Sequences, examples: int, rng: np.random.Generator) -> Iterator[Ints]:
    """The latest sequences of two products or more, at most `examples`, in folds.

    Without times, a file may be sorted by something else, such as the country: only half of them
    are then its last ones, and the others are drawn. No fold is more than a fifth of all sequences.
    """
    usable = np.flatnonzero(sequences.lengths > 1)
    last = examples if sequences.seconds is not None else (examples + 1) // 2
    drawn = rng.permutation(usable[:-last])[: examples - last]
    used = np.concatenate([drawn, usable[-last:]])
    folds = int(np.ceil(len(used) / max(MAX_FOLD * len(sequences), 1)))
    for fold in np.array_split(rng.permutation(used), max(folds, 1)):
        yield np.sort(fold)


def draw_prefixes(
    held_out: Sequences, examples: int, rng: np.random.Generator
) -> tuple[Sequences, Rows]:
    """Beginnings of sequences and the product after each.

    Args:
        held_out: of two products or more.
        examples: wanted; of a sequence there are four at most.
        rng: draws the positions.
    """
    count = len(held_out)
    per = int(np.clip(examples // max(count, 1), 1, _MAX_PER_SEQUENCE))
    last = np.tile(held_out.lengths - 1, per)
    anywhere = 1 + (rng.random(len(last)) * last).astype(np.int64)
    end = np.where(rng.random(len(last)) < _LAST_POSITION, last, np.minimum(anywhere, last))
    pairs = np.unique(np.stack([np.tile(np.arange(count), per), end]), axis=1)
    runs = list(held_out)
    prefixes = [runs[i][:e] for i, e in pairs.T.tolist()]
    targets = held_out.products[held_out.starts[pairs[0]] + pairs[1]]
    return Sequences.from_rows(prefixes), targets


def train_trees(
    learn: Lists, check: Lists, names: list[str], config: SessionTreesConfig
) -> lightgbm.Booster:
    """LambdaRank (Burges, 2010): at most so many trees, up to the best nDCG@20 on `check`.

    Args:
        learn: at least one prefix, like
        check: other ones.
        names: (c,) of the columns.
        config: of the trees.
    """
    import lightgbm

    settings = tree_settings("lambdarank", config.leaves, config.learning_rate, _LEAST, config.seed)
    data = lightgbm.Dataset(
        learn.columns,
        learn.label.astype(np.float32),
        group=learn.sizes,
        feature_name=[f"{place}_{_plain(name)}" for place, name in enumerate(names)],
    )
    held_out = lightgbm.Dataset(
        check.columns, check.label.astype(np.float32), group=check.sizes, reference=data
    )
    return train_until_best(settings | _OTHER, data, config.trees, held_out, _PATIENCE)


def _plain(name: str) -> str:
    """A name that LightGBM allows."""
    return re.sub(r"\W+", "_", name)
