"""Training of the ranker of baskets, and the check that it is worth deploying."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Sparse, entry_rows
from goeswith.core.arrays_file import Arrays
from goeswith.models.basket_counts import BasketCounts
from goeswith.ranking.baskets.pair_table import BLOCK, CONFIDENCES, FORMS, PairTable, look_up
from goeswith.ranking.baskets.type_features import TypeFeatures
from goeswith.ranking.gradient_trees import train_until_best, tree_settings
from goeswith.ranking.tree_text import check_trees

if TYPE_CHECKING:
    import lightgbm

    from goeswith.data.catalog import Catalog
    from goeswith.ranking.baskets.basket_ranker_config import BasketRankerConfig

_UNTRAINED: Final = "confidence by basket"
"""The closed form that ranks where baskets are too few to learn from."""
_MIN_LABELS: Final = 200
"""Baskets to learn from, at least."""
_CHECK_SHARE: Final = 0.25
"""Share of the baskets with labels that decide between the trees and a closed form."""
_MAX_CHECKED: Final = 4000
_NEGATIVES: Final = 0.3
"""Share of the candidates without a label that are learned from, with more weight."""
_LEARNING_RATE: Final = 0.16
_PATIENCE: Final = 10
"""Trees without a better fit to the baskets that are set aside, after which no more are added."""
_EPSILON: Final = 1e-7


@dataclass(frozen=True)
class Choice:
    """What ranks: trees, or the closed form that they did not beat.

    Attributes:
        booster: the trees; None for a closed form.
        form: the best closed form.
        start: the smoothed confidence whose odds the trees correct.
        reason: why, in one line.
    """

    booster: lightgbm.Booster | None
    form: str
    start: str
    reason: str

    def scores(self, features: dict[str, Floats], table: PairTable, discount: float) -> Floats:
        """(m,) score of each pair; higher is better, -inf where there is none."""
        if self.booster is None:
            return _form_score(features, self.form)
        p = _probabilities(self.booster, features, self.start)
        popularity = np.maximum(table.popularity[table.target], _EPSILON)
        score: Floats = (p * popularity**-discount).astype(np.float32)
        return score

    def importances(self) -> dict[str, float]:
        """Feature -> its share of the gain of all splits, largest first."""
        if self.booster is None:
            return {}
        gain = self.booster.feature_importance("gain")
        names = [name.replace("_", " ") for name in self.booster.feature_name()]
        order = np.argsort(-gain, kind="stable")
        return {names[i]: float(gain[i] / max(gain.sum(), 1e-12)) for i in order}

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        text = self.booster.model_to_string() if self.booster is not None else ""
        fields = json.dumps(
            {"trees": text, "form": self.form, "start": self.start, "reason": self.reason}
        )
        return {"choice": np.frombuffer(fields.encode(), dtype=np.uint8)}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`.

        Raises:
            ValueError: the trees are damaged, or of a version with other features.
        """
        import lightgbm

        fields = json.loads(arrays["choice"].tobytes())
        booster = None
        if fields["trees"]:
            check_trees(fields["trees"])
            booster = lightgbm.Booster(model_str=fields["trees"])
        form, start = fields["form"], fields.get("start", "")
        if form not in FORMS or start not in CONFIDENCES:
            raise ValueError("its features are of another version; fit it again")
        return cls(booster, form, start, fields["reason"])


def train(baskets: Sparse, catalog: Catalog, config: BasketRankerConfig) -> Choice:
    """Learn from the last baskets what those before them say.

    A part of the last baskets is set aside, to compare the trees with every closed form by
    popularity-discounted recall of the first ten.

    Args:
        baskets: (b, n) CSR of ones, the oldest first.
        catalog: for types and kinds.
        config: of the model.
    """
    labelled = int(config.label_share * baskets.shape[0])
    if labelled < _MIN_LABELS:
        return Choice(
            None,
            _UNTRAINED,
            _UNTRAINED,
            f"{_UNTRAINED} ranks: {baskets.shape[0]:,} baskets are too few to learn from",
        )
    rng = np.random.default_rng(config.seed)
    earlier, later = baskets[:-labelled], baskets[-labelled:]
    is_check = rng.random(labelled) < _CHECK_SHARE
    table = PairTable.build(earlier, config.candidates, np.unique(later.indices))
    types = TypeFeatures.fit(catalog, BasketCounts.count(earlier, by_basket=True).pairs)
    check = later[is_check][:_MAX_CHECKED]
    held_out = _samples(table, types, check, config, rng)
    learned = _samples(table, types, later[~is_check], config, rng)
    start = min(CONFIDENCES, key=held_out.loss)
    booster = _fit_trees(learned, start, config, held_out)
    trees = booster.num_trees()
    choice = Choice(booster, start, start, "")
    recall = _discounted_recalls(table, types, choice, check, config.popularity_discount)
    best = max(FORMS, key=lambda form: recall[form])
    wins = recall["trees"] >= recall[best]
    what = (
        f"recall@10 on {check.shape[0]:,} later baskets: trees {recall['trees']:.4f}, "
        f"best closed form ({best}) {recall[best]:.4f}"
    )
    if not wins:
        return Choice(None, best, start, f"{best} ranks, by {what}")
    booster = _fit_trees(_samples(table, types, later, config, rng), start, config, trees=trees)
    return Choice(booster, best, start, f"{trees} trees rank, by {what}")


@dataclass(frozen=True)
class _Samples:
    """Pairs to learn from.

    Attributes:
        features: name -> (m,).
        target: (m,) share of the label baskets of the source that hold the target.
        weight: (m,) of these baskets.
    """

    features: dict[str, Floats]
    target: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]

    def loss(self, form: str) -> float:
        """Cross-entropy of a smoothed confidence."""
        p = _clipped(self.features[form])
        entropy = self.target * np.log(p) + (1 - self.target) * np.log(1 - p)
        return -float(self.weight @ entropy) / max(float(self.weight.sum()), 1e-12)

    def dataset(self, start: str, reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
        import lightgbm

        return lightgbm.Dataset(
            _matrix(self.features),
            self.target,
            weight=self.weight / max(self.weight.mean(), 1e-12),
            init_score=_logit(self.features[start]),
            feature_name=[name.replace(" ", "_").replace(",", "") for name in self.features],
            reference=reference,
        )


def _samples(
    table: PairTable,
    types: TypeFeatures,
    labels: Sparse,
    config: BasketRankerConfig,
    rng: np.random.Generator,
) -> _Samples:
    """Pairs of some sources, drawn by how often label baskets hold them."""
    counts = BasketCounts.count(labels, by_basket=True)
    sources = np.flatnonzero(counts.products > 0)
    if len(sources) > config.sources:
        chance = counts.products[sources] / counts.products[sources].sum()
        sources = rng.choice(sources, config.sources, replace=False, p=chance)
    pairs = table.of_sources(sources.astype(np.int32))
    bought = look_up(counts.pairs, pairs.source, pairs.target)
    learned = (bought > 0) | (rng.random(len(pairs)) < _NEGATIVES)
    weight = counts.products[pairs.source]
    target = np.clip(bought / np.maximum(weight, 1e-12), 0, 1)
    weight = np.where(bought > 0, weight, weight / _NEGATIVES)
    parts, done = [], 0
    for block in pairs.blocks(BLOCK):
        in_block = learned[done : done + len(block)]
        parts.append({k: value[in_block] for k, value in block.features(types).items()})
        done += len(block)
    features = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _Samples(features, target[learned], weight[learned])


def _fit_trees(
    samples: _Samples,
    start: str,
    config: BasketRankerConfig,
    held_out: _Samples | None = None,
    *,
    trees: int | None = None,
) -> lightgbm.Booster:
    """Boosted trees: as many as given, or as are best on what is held out."""
    import lightgbm

    least = int(np.clip(len(samples.target) // 100, 1, 200))
    settings = tree_settings("cross_entropy", config.leaves, _LEARNING_RATE, least, config.seed)
    data = samples.dataset(start)
    if held_out is None:
        return lightgbm.train(settings, data, trees or config.trees)
    return train_until_best(settings, data, config.trees, held_out.dataset(start, data), _PATIENCE)


def _discounted_recalls(
    table: PairTable,
    types: TypeFeatures,
    choice: Choice,
    check: Sparse,
    discount: float,
) -> dict[str, float]:
    """Name -> share of the rest of a basket among the first ten of one of its products.

    The mean over baskets and their products; products count by popularity ** -discount.
    """
    pairs = table.of_sources(np.unique(check.indices).astype(np.int32))
    parts: dict[str, list[Floats]] = {name: [] for name in ("trees", *FORMS)}
    for block in pairs.blocks(BLOCK):
        features = block.features(types)
        parts["trees"].append(choice.scores(features, block, discount))
        for form in FORMS:
            parts[form].append(_form_score(features, form))
    worth = np.maximum(table.popularity, _EPSILON) ** -discount
    # (basket, source) pairs, and what the rest of the basket is worth
    basket, source = entry_rows(check), check.indices
    rest = np.bincount(basket, worth[source], check.shape[0])[basket] - worth[source]
    weight = 1 / np.diff(check.indptr)[basket]
    found = {}
    for name, blocks in parts.items():
        score = np.concatenate(blocks)
        hits = _hits(check, _first(pairs, score, check.shape[1]), worth)
        found[name] = float((weight * hits / rest).sum() / max(weight.sum(), 1e-12))
    return found


def _hits(check: Sparse, shown: Sparse, worth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(nnz,) worth of the products of a basket that are shown for each of its products."""
    in_basket = check @ sparse.diags(worth)
    rows, sources = entry_rows(check), check.indices
    hits = np.empty(len(sources))
    for start in range(0, len(sources), 1 << 16):
        part = slice(start, start + (1 << 16))
        product = shown[sources[part]].multiply(in_basket[rows[part]])
        hits[part] = np.asarray(product.sum(axis=1)).ravel()
    return hits


def _first(pairs: PairTable, score: Floats, n: int, k: int = 10) -> Sparse:
    """(n, n) CSR of ones: the first k of each source."""
    ranked = np.lexsort((pairs.target, -score, pairs.source))
    source = pairs.source[ranked]
    starts = np.flatnonzero(np.diff(source, prepend=-1) != 0)
    rank = np.arange(len(source)) - np.repeat(starts, np.diff(np.append(starts, len(source))))
    best = ranked[(rank < k) & np.isfinite(score[ranked])]
    ones = np.ones(len(best), dtype=np.float32)
    return sparse.csr_matrix((ones, (pairs.source[best], pairs.target[best])), shape=(n, n))


def _form_score(features: dict[str, Floats], form: str) -> Floats:
    value = features[form]
    found: Floats = np.where(np.isfinite(value) & (value > 0), value, -np.inf).astype(np.float32)
    return found


def _clipped(p: Floats) -> npt.NDArray[np.float64]:
    clipped: npt.NDArray[np.float64] = np.clip(p.astype(np.float64), _EPSILON, 1 - _EPSILON)
    return clipped


def _logit(p: Floats) -> npt.NDArray[np.float64]:
    clipped = _clipped(p)
    logit: npt.NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return logit


def _matrix(features: dict[str, Floats]) -> Floats:
    return np.column_stack(list(features.values()))


def _probabilities(booster: lightgbm.Booster, features: dict[str, Floats], start: str) -> Floats:
    raw = np.asarray(booster.predict(_matrix(features), raw_score=True), dtype=np.float64)
    odds = raw + _logit(features[start])
    p: Floats = (1 / (1 + np.exp(-np.clip(odds, -50, 50)))).astype(np.float32)
    return p
