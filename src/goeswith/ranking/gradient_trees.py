"""Boosted trees over the columns of pairs, and the probability that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import Arrays

if TYPE_CHECKING:
    import lightgbm

_SURE: Final = 0.9
"""Chance of being a pair up to which the odds are believed; above it nears .98."""
_REST: Final = 0.08


@dataclass
class Trees:
    """Boosted trees (LightGBM; Ke et al., 2017) whose score is turned into a probability.

    Platt scaling (1999) on candidates that no tree saw, all of them, makes up for the negatives
    that training left out: p = sigmoid(a logit(s) + b).

    Attributes:
        booster: the trees.
        scale: (2,) a and b; a is positive, so that the order stays.
        expected: (2,) see `expect`; None where probabilities are those of calibration.
    """

    booster: lightgbm.Booster
    scale: npt.NDArray[np.float64]
    expected: npt.NDArray[np.float64] | None = None

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
        """Grow the trees; `calibrate` comes next.

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

        settings: dict[str, Any] = {
            "objective": "binary",
            "num_leaves": leaves,
            "learning_rate": learning_rate,
            "min_data_in_leaf": int(np.clip(len(labels) // 20, 1, 50)),
            "feature_fraction": 0.7,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 5.0,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            "seed": seed,
        }
        data = lightgbm.Dataset(
            columns, labels.astype(np.float32), feature_name=[_plain(name) for name in names]
        )
        return cls(lightgbm.train(settings, data, rounds), np.array([1.0, 0.0]))

    def calibrate(self, columns: Floats, labels: npt.NDArray[np.bool_]) -> None:
        """Fit `scale` on candidates of both labels that the trees did not see."""
        from sklearn.linear_model import LogisticRegression

        found = LogisticRegression(C=1e6).fit(self._logits(columns)[:, None], labels)
        self.scale = np.array([max(float(found.coef_[0, 0]), 1e-3), float(found.intercept_[0])])

    def expect(self, share: float, missing: float) -> None:
        """What `probabilities` are to be about: pairs missing from all that there are.

        Calibration was on pairs taken from those that are known. With e the chance that a pair is
        one at all, s that a known one was taken and m that it is not known, candidates of that fold
        were right with odds o = e (1 - m) s / (1 - e (1 - m)); asked of everything that is known,
        they are right with odds e m / (1 - e).

        Args:
            share: s.
            missing: m.
        """
        self.expected = np.array([share, missing])

    def probabilities(self, columns: Floats) -> Floats:
        """(m,) float32 calibrated probability of each candidate."""
        a, b = self.scale
        odds = np.exp(np.clip(a * self._logits(columns) + b, -50, 50))
        if self.expected is not None:
            share, missing = self.expected
            one = odds / ((1 - missing) * (share + odds))
            # more than certain it cannot be; bent, not cut, so that the order stays
            over = np.maximum(one - _SURE, 0)
            one = np.minimum(one, _SURE) + _REST * (1 - np.exp(-over / _REST))
            odds = missing * one / (1 - one)
        p: Floats = (odds / (1 + odds)).astype(np.float32)
        return p

    def importances(self) -> dict[str, float]:
        """Column -> its share of the loss that all splits took away, largest first."""
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
        return arrays if self.expected is None else {**arrays, "expected": self.expected}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Take back what `arrays` gave."""
        import lightgbm

        booster = lightgbm.Booster(model_str=arrays["trees"].tobytes().decode())
        return cls(booster, arrays["scale"], arrays.get("expected"))


def _plain(name: str) -> str:
    """LightGBM's names hold no spaces."""
    return name.replace(" ", "_").replace(":", "")
