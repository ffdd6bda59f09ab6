"""Gradient-boosted trees over features of pairs, with calibrated probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import Arrays
from goeswith.ranking.tree_text import check_trees

if TYPE_CHECKING:
    import lightgbm

_LINEAR_UP_TO: Final = 0.9
"""Chance of a pair up to which it is linear in the odds; above, it approaches .98."""
_SATURATION: Final = 0.08


@dataclass
class GradientTrees:
    """Boosted trees (LightGBM; Ke et al., 2017) with calibrated probabilities.

    Platt scaling (1999) on all candidates of held-out sources corrects for the negatives
    that training excludes: p = sigmoid(a logit(s) + b).

    Attributes:
        booster: the trees.
        scale: (2,) a and b; a is positive, so that the order stays.
        missing_rate: (2,) see `set_missing_rate`; None for the probabilities of calibration.
    """

    booster: lightgbm.Booster
    scale: npt.NDArray[np.float64]
    missing_rate: npt.NDArray[np.float64] | None = None

    @classmethod
    def fit(  # noqa: PLR0917
        cls,
        columns: Floats,
        labels: npt.NDArray[np.bool_],
        names: list[str],
        rounds: int,
        leaves: int,
        learning_rate: float,
        seed: int,
    ) -> Self:
        """Train the trees; `calibrate` comes next.

        Args:
            columns: (m, c) of candidates.
            labels: (m,) whether each goes with its source.
            names: (c,) of the columns.
            rounds: trees.
            leaves: of a tree, at most.
            learning_rate: weight of a tree.
            seed: of the draws of rows and columns.
        """
        import lightgbm

        least = int(np.clip(len(labels) // 20, 1, 50))
        settings = tree_settings("binary", leaves, learning_rate, least, seed)
        data = lightgbm.Dataset(
            columns, labels.astype(np.float32), feature_name=[_feature_name(name) for name in names]
        )
        return cls(lightgbm.train(settings, data, rounds), np.array([1.0, 0.0]))

    def calibrate(self, columns: Floats, labels: npt.NDArray[np.bool_]) -> None:
        """Fit `scale` on held-out candidates of both labels."""
        from sklearn.linear_model import LogisticRegression

        regression = LogisticRegression(C=1e6).fit(self._logits(columns)[:, None], labels)
        self.scale = np.array(
            [max(float(regression.coef_[0, 0]), 1e-3), float(regression.intercept_[0])]
        )

    def set_missing_rate(self, share: float, missing: float) -> None:
        """Make `probabilities` refer to the pairs that are missing from the lists.

        Calibration uses pairs removed from the lists. With e the chance that a candidate is a
        complement, s that a listed pair was removed and m that a complement is not listed,
        candidates of the fold are positive with odds o = e (1 - m) s / (1 - e (1 - m)); given all
        lists, candidates are complements with odds e m / (1 - e).

        Args:
            share: s.
            missing: m.
        """
        self.missing_rate = np.array([share, missing])

    def probabilities(self, columns: Floats) -> Floats:
        """(m,) float32 calibrated probability of each candidate."""
        a, b = self.scale
        odds = np.exp(np.clip(a * self._logits(columns) + b, -50, 50))
        if self.missing_rate is not None:
            share, missing = self.missing_rate
            pair_chance = odds / ((1 - missing) * (share + odds))
            # at most 1; saturating, not clipped, so that the order stays
            excess = np.maximum(pair_chance - _LINEAR_UP_TO, 0)
            pair_chance = np.minimum(pair_chance, _LINEAR_UP_TO) + _SATURATION * (
                1 - np.exp(-excess / _SATURATION)
            )
            odds = missing * pair_chance / (1 - pair_chance)
        p: Floats = (odds / (1 + odds)).astype(np.float32)
        return p

    def importances(self) -> dict[str, float]:
        """Column -> its share of the gain of all splits, largest first."""
        gain = self.booster.feature_importance("gain")
        shares = gain / max(gain.sum(), 1e-12)
        names = self.booster.feature_name()
        order = np.argsort(-shares, kind="stable")
        return {names[i].replace("_", " "): float(shares[i]) for i in order}

    def _logits(self, columns: Floats) -> npt.NDArray[np.float64]:
        if not len(columns):
            return np.zeros(0)
        return np.asarray(self.booster.predict(columns, raw_score=True), dtype=np.float64)

    def arrays(self) -> Arrays:
        """The trees in LightGBM's text format, and their scale."""
        text = self.booster.model_to_string().encode()
        arrays: Arrays = {"trees": np.frombuffer(text, dtype=np.uint8), "scale": self.scale}
        return arrays if self.missing_rate is None else {**arrays, "expected": self.missing_rate}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`.

        Raises:
            ValueError: the trees are damaged.
        """
        import lightgbm

        text = arrays["trees"].tobytes().decode()
        check_trees(text)
        booster = lightgbm.Booster(model_str=text)
        return cls(booster, arrays["scale"], arrays.get("expected"))


def tree_settings(
    objective: str, leaves: int, learning_rate: float, least: int, seed: int
) -> dict[str, Any]:
    """Settings of LightGBM that every ranker of the library shares; the same data, the same trees.

    Args:
        objective: of LightGBM.
        leaves: of a tree, at most.
        learning_rate: weight of a tree.
        least: rows in a leaf.
        seed: of the draws of rows and columns.
    """
    return {
        "objective": objective,
        "num_leaves": leaves,
        "learning_rate": learning_rate,
        "min_data_in_leaf": least,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        "seed": seed,
    }


def train_until_best(
    settings: dict[str, Any],
    data: lightgbm.Dataset,
    trees: int,
    held_out: lightgbm.Dataset,
    patience: int,
) -> lightgbm.Booster:
    """At most so many trees: those up to the best one on what is held out."""
    import lightgbm

    stop = lightgbm.early_stopping(patience, verbose=False)
    booster = lightgbm.train(settings, data, trees, valid_sets=[held_out], callbacks=[stop])
    # without the trees after the best one
    return lightgbm.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))


def _feature_name(name: str) -> str:
    """The name without spaces and colons, which LightGBM does not allow."""
    return name.replace(" ", "_").replace(":", "")
