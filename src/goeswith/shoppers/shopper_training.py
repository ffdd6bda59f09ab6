"""Training of the ranker of shoppers, and the check that it is worth using."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Sparse, block_size, entry_rows, top_k
from goeswith.core.arrays_file import Arrays
from goeswith.ranking.gradient_trees import train_until_best, tree_settings
from goeswith.ranking.tree_text import check_trees
from goeswith.shoppers.basket_metrics import hits, ndcg
from goeswith.shoppers.shopper_features import NAMES, CandidateTable, candidate_table

if TYPE_CHECKING:
    import lightgbm

    from goeswith.shoppers.histories import Histories, Ints
    from goeswith.shoppers.members import Members
    from goeswith.shoppers.shopper_ranker_config import ShopperRankerConfig

_MIN_SHOPPERS: Final = 200
"""Shoppers to learn from, at least."""
_CHECK_SHARE: Final = 0.25
"""Share of the shoppers with a last basket that decide between the trees and the members."""
_NEGATIVES: Final = 0.3
"""Share of the candidates outside the basket that are learned from, with more weight."""
_LEARNING_RATE: Final = 0.06
_LEAST: Final = 50
"""Rows in a leaf."""
_PATIENCE: Final = 25
_K: Final = 10


@dataclass(frozen=True)
class ShopperChoice:
    """What ranks: trees, or the member that they did not beat.

    Attributes:
        booster: the trees; None for a member.
        member: the best member.
        reason: why, in one line.
    """

    booster: lightgbm.Booster | None
    member: str
    reason: str

    def probabilities(self, table: CandidateTable) -> Floats:
        """(m,) probability that each candidate is in the next basket."""
        assert self.booster is not None
        if not len(table.product):
            return np.zeros(0, dtype=np.float32)
        return np.asarray(self.booster.predict(table.columns), dtype=np.float32)

    def importances(self) -> dict[str, float]:
        """Feature -> its share of the gain of all splits, largest first."""
        if self.booster is None:
            return {}
        gain = self.booster.feature_importance("gain")
        order = np.argsort(-gain, kind="stable")
        return {NAMES[i]: float(gain[i] / max(gain.sum(), 1e-12)) for i in order}

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        text = self.booster.model_to_string() if self.booster is not None else ""
        fields = json.dumps({"trees": text, "member": self.member, "reason": self.reason})
        return {"choice": np.frombuffer(fields.encode(), dtype=np.uint8)}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`.

        Raises:
            ValueError: the trees are damaged.
        """
        import lightgbm

        fields = json.loads(arrays["choice"].tobytes())
        booster = None
        if fields["trees"]:
            check_trees(fields["trees"])
            booster = lightgbm.Booster(model_str=fields["trees"])
        return cls(booster, fields["member"], fields["reason"])


def train_shoppers(
    members: Members,
    earlier: Histories,
    shoppers: Ints,
    baskets: Sparse,
    config: ShopperRankerConfig,
) -> ShopperChoice:
    """Learn from the last baskets of shoppers what their earlier ones say.

    Args:
        members: fitted on
        earlier: the histories without the last baskets.
        shoppers: (t,) those with a last basket.
        baskets: (t, n) CSR, theirs.
        config: of the model.
    """
    rng = np.random.default_rng(config.seed)
    order = rng.permutation(len(shoppers))[: config.shoppers]
    check = order[: int(_CHECK_SHARE * len(order))]
    learn = order[len(check) :]
    tests, truth = earlier.take(shoppers[check]), baskets[check]
    reached = {member.name: _ndcg(member.recommend(tests, _K)[0], truth) for member in members}
    best = max(reached, key=lambda name: reached[name])
    if len(order) < _MIN_SHOPPERS:
        few = f"{len(order):,} shoppers with two baskets are too few to learn from"
        return ShopperChoice(None, best, f"{best} ranks: {few}")
    held_out = _labelled(members, tests, truth)
    samples = _labelled(members, earlier.take(shoppers[learn]), baskets[learn])
    booster = _fit_trees(_sampled(samples, rng), config, held_out)
    trees = booster.num_trees()
    own = _ndcg(_shown(booster, held_out, truth.shape), truth)
    what = (
        f"nDCG@10 on the last baskets of {len(check):,} shoppers: trees {own:.4f}, "
        f"best member ({best}) {reached[best]:.4f}"
    )
    if own < reached[best]:
        return ShopperChoice(None, best, f"{best} ranks, by {what}")
    everything = _concatenate(samples, held_out, len(learn))
    booster = _fit_trees(_sampled(everything, rng), config, trees=trees)
    return ShopperChoice(booster, best, f"{trees} trees rank, by {what}")


@dataclass(frozen=True)
class _Labelled:
    """Candidates, and whether each is in the last basket of its shopper."""

    table: CandidateTable
    label: npt.NDArray[np.bool_]


def blocks_of(histories: Histories, members: Members) -> Iterator[Histories]:
    """Histories in blocks, of which a few dense rows for each shopper fit in memory."""
    size = max(block_size(max(histories.n, members.tifu.users)) // 2, 1)
    for start in range(0, len(histories), size):
        yield histories.take(np.arange(start, min(start + size, len(histories))))


def _labelled(members: Members, histories: Histories, truth: Sparse) -> _Labelled:
    tables, start = [], 0
    for block in blocks_of(histories, members):
        table = candidate_table(members, block)
        tables.append(CandidateTable(table.shopper + start, table.product, table.columns))
        start += len(block)
    table = CandidateTable(
        np.concatenate([t.shopper for t in tables]),
        np.concatenate([t.product for t in tables]),
        np.concatenate([t.columns for t in tables]),
    )
    n = truth.shape[1]
    keys = entry_rows(truth) * np.int64(n) + truth.indices
    return _Labelled(table, np.isin(table.shopper * n + table.product, keys))


def _concatenate(one: _Labelled, other: _Labelled, shoppers: int) -> _Labelled:
    table = CandidateTable(
        np.concatenate([one.table.shopper, other.table.shopper + shoppers]),
        np.concatenate([one.table.product, other.table.product]),
        np.concatenate([one.table.columns, other.table.columns]),
    )
    return _Labelled(table, np.concatenate([one.label, other.label]))


def _sampled(samples: _Labelled, rng: np.random.Generator) -> lightgbm.Dataset:
    """The positives and a share of the negatives, weighed so that probabilities stay."""
    import lightgbm

    kept = samples.label | (rng.random(len(samples.label)) < _NEGATIVES)
    label = samples.label[kept]
    return lightgbm.Dataset(
        samples.table.columns[kept],
        label.astype(np.float32),
        weight=np.where(label, 1.0, 1 / _NEGATIVES),
        free_raw_data=False,
    )


def _fit_trees(
    data: lightgbm.Dataset,
    config: ShopperRankerConfig,
    held_out: _Labelled | None = None,
    *,
    trees: int | None = None,
) -> lightgbm.Booster:
    """Boosted trees: as many as given, or as are best on what is held out."""
    import lightgbm

    settings = tree_settings("binary", config.leaves, _LEARNING_RATE, _LEAST, config.seed)
    if held_out is None:
        return lightgbm.train(settings, data, trees or config.trees)
    validation = lightgbm.Dataset(
        held_out.table.columns, held_out.label.astype(np.float32), reference=data
    )
    return train_until_best(settings, data, config.trees, validation, _PATIENCE)


def _shown(
    booster: lightgbm.Booster, held_out: _Labelled, shape: tuple[int, int]
) -> npt.NDArray[np.int32]:
    """(t, 10) the candidates with the highest probabilities."""
    value = np.asarray(booster.predict(held_out.table.columns), dtype=np.float32)
    table, shown = held_out.table, np.full((shape[0], _K), -1, dtype=np.int32)
    starts = np.searchsorted(table.shopper, np.arange(shape[0] + 1))
    for row in range(shape[0]):
        entries = slice(int(starts[row]), int(starts[row + 1]))
        best, _ = top_k(value[None, entries], _K)
        shown[row, : best.shape[1]] = np.where(best[0] >= 0, table.product[entries][best[0]], -1)
    return shown


def _ndcg(shown: npt.NDArray[np.int32], truth: Sparse) -> float:
    if not len(shown):
        return 0.0
    return float(ndcg(hits(shown, truth), np.diff(truth.indptr), _K).mean())
