"""The expected reward of a product in a context, learned from the log: for doubly robust estimates.

A row's expectation comes from a model that did not learn from its unit (cross-fitting), which keeps
the estimate unbiased (Chernozhukov et al. 2018, section 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from goeswith.results.policies.column_checks import Floats
    from goeswith.results.policies.policy_log import PolicyLog

RewardModelName = Literal["linear", "trees"]
_FOLDS: Final = 5
_MAX_CATEGORIES: Final = 500
"""Values of a text column with an effect of their own; rarer ones share one."""
_BLOCK: Final = 500_000
"""Pairs of a context and a product that are scored at once."""


def expected_rewards(log: PolicyLog, model: RewardModelName, seed: int) -> tuple[Floats, Floats]:
    """The expected reward of each row, and of the evaluated policy at its rank in its context.

    Args:
        log: with a policy given as a table.
        model: linear (ridge; logistic for rewards of 0 and 1) or trees (LightGBM).
        seed: of the folds.

    Returns:
        (n,) of the shown product, and (n,) over the policy's products.
    """
    rows = _with_features(log.frame, log)
    fold = np.random.default_rng(seed).permutation(int(log.unit.max()) + 1)[log.unit] % _FOLDS
    shown, value = np.zeros(len(log.reward)), np.zeros(len(log.reward))
    for k in range(_FOLDS):
        test = np.flatnonzero(fold == k)
        train = np.flatnonzero(fold != k)
        if not len(test):
            continue
        fitted = _FittedModel(rows[train], log.reward[train], model, log.columns.product)
        shown[test] = fitted.predict(rows[test])
        value[test] = _policy_value(log, test, fitted)
    return shown, value


def _policy_value(log: PolicyLog, test: Any, fitted: _FittedModel) -> Floats:
    """Sum over the products of the policy of probability times expected reward, for some rows."""
    assert log.policy is not None
    product = log.columns.product
    others = [name for name in log.frame.columns if name != product]
    # many rows have the same context and rank, and so the same value
    contexts = log.frame[test].select(others) if others else pl.DataFrame({"_": [0] * len(test)})
    distinct = contexts.unique(maintain_order=True).with_row_index("_context")
    keys = [key for key in log.keys if key != product]
    policy = log.policy.filter(pl.col("probability") > 0)
    values = np.zeros(distinct.height)
    step = max(1, _BLOCK // max(1, policy.height))
    for start in range(0, distinct.height, step):
        part = distinct[start : start + step]
        pairs = part.join(policy, on=keys) if keys else part.join(policy, how="cross")
        if pairs.height:
            expected = fitted.predict(_with_features(pairs.select(log.frame.columns), log))
            weighted = expected * pairs["probability"].to_numpy()
            values += np.bincount(pairs["_context"].to_numpy(), weighted, distinct.height)
    names = contexts.columns
    found = contexts.join(distinct, on=names, how="left", nulls_equal=True, maintain_order="left")
    result: Floats = values[found["_context"].to_numpy()]
    return result


def _with_features(frame: pl.DataFrame, log: PolicyLog) -> pl.DataFrame:
    if log.features is None:
        return frame
    return frame.join(log.features, on=log.columns.product, how="left", maintain_order="left")


class _FittedModel:
    """A regression of the reward on one-hot texts and standardised numbers."""

    def __init__(
        self, rows: pl.DataFrame, reward: Floats, model: RewardModelName, product: str
    ) -> None:
        from sklearn.preprocessing import OneHotEncoder

        self.numeric = [
            name for name in rows.columns if name != product and rows.schema[name].is_float()
        ]
        self.texts = [name for name in rows.columns if name not in self.numeric]
        self.mean = {name: float(rows[name].mean() or 0) for name in self.numeric}  # type: ignore[arg-type]
        self.scale = {name: float(rows[name].std() or 1) or 1.0 for name in self.numeric}  # type: ignore[arg-type]
        self.encoder = OneHotEncoder(
            handle_unknown="infrequent_if_exist", max_categories=_MAX_CATEGORIES
        )
        self.encoder.fit(self._text_matrix(rows))
        self.constant = float(reward.mean())
        self.model: Any = None
        self.is_binary = bool(np.isin(reward, (0, 1)).all())
        if len(np.unique(reward)) > 1:
            self.model = _regression(model, self.is_binary)
            self.model.fit(self._matrix(rows), reward)

    def _text_matrix(self, rows: pl.DataFrame) -> Any:
        return rows.select(pl.col(self.texts).cast(pl.String).fill_null("")).to_numpy()

    def _matrix(self, rows: pl.DataFrame) -> Any:
        from scipy import sparse

        coded = sparse.csr_matrix(self.encoder.transform(self._text_matrix(rows)))
        if not self.numeric:
            return coded
        numbers = rows.select(
            ((pl.col(n).fill_null(self.mean[n]) - self.mean[n]) / self.scale[n])
            for n in self.numeric
        )
        return sparse.csr_matrix(sparse.hstack([coded, numbers.to_numpy()]))

    def predict(self, rows: pl.DataFrame) -> Floats:
        """(n,) expected rewards."""
        if self.model is None:
            return np.full(rows.height, self.constant)
        matrix = self._matrix(rows)
        found = (
            self.model.predict_proba(matrix)[:, 1] if self.is_binary else self.model.predict(matrix)
        )
        return np.asarray(found, dtype=np.float64)


def _regression(model: RewardModelName, is_binary: bool) -> Any:
    if model == "trees":
        from lightgbm import LGBMClassifier, LGBMRegressor

        settings: dict[str, Any] = {
            "n_estimators": 60,
            "learning_rate": 0.05,
            "num_leaves": 15,
            "random_state": 0,
            "deterministic": True,
            "n_jobs": 1,  # small tables; threads that wait for each other cost more than they save
            "verbose": -1,
        }
        return LGBMClassifier(**settings) if is_binary else LGBMRegressor(**settings)
    from sklearn.linear_model import LogisticRegression, Ridge

    return LogisticRegression(max_iter=1000) if is_binary else Ridge()
