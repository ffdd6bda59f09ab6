"""Trees over the outputs of both branches, as in the follow-up paper (PP-GLAM, 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from goeswith.core.arrays import Floats
from goeswith.core.atomic_files import write_text
from goeswith.core.errors import BundleError
from goeswith.language.salam.behaviour_graph import BehaviourGraph, NodePairs

if TYPE_CHECKING:
    import lightgbm

_ROUNDS, _LEAVES, _RATE = 200, 15, 0.03


@dataclass
class Ensemble:
    """LightGBM over logits of the branches, typed paths and degrees of a pair.

    It learns from pairs held back from the branches, so that it sees them as they are on pairs
    that they never learned.
    """

    booster: lightgbm.Booster

    @classmethod
    def fit(
        cls,
        logits: dict[str, Floats],
        behaviour: BehaviourGraph | None,
        pairs: NodePairs,
        classes: int,
        seed: int,
    ) -> Self:
        """Grow the trees.

        Args:
            logits: branch -> (m, c), of pairs that it did not learn from.
            behaviour: edges of the pairs' ends, without the edges of the pairs.
            pairs: with labels.
            classes: c.
            seed: of the draws of rows and columns.
        """
        import lightgbm

        settings = {
            "objective": "multiclass",
            "num_class": classes,
            "num_leaves": _LEAVES,
            "learning_rate": _RATE,
            "min_data_in_leaf": int(np.clip(len(pairs) // 50, 1, 20)),
            "feature_fraction": 0.7,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            "seed": seed,
        }
        data = lightgbm.Dataset(ensemble_features(logits, behaviour, pairs), pairs.labels)
        return cls(lightgbm.train(settings, data, _ROUNDS))

    def probabilities(
        self, logits: dict[str, Floats], behaviour: BehaviourGraph | None, pairs: NodePairs
    ) -> Floats:
        """(m, c) of pairs."""
        probabilities: Floats = np.asarray(
            self.booster.predict(ensemble_features(logits, behaviour, pairs)), dtype=np.float32
        )
        return probabilities

    def save(self, file: Path) -> None:
        """Write LightGBM's text format."""
        write_text(self.booster.model_to_string(), file)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            BundleError: the file is damaged.
        """
        import lightgbm

        try:
            return cls(lightgbm.Booster(model_str=file.read_text()))
        except (OSError, lightgbm.basic.LightGBMError) as error:
            raise BundleError(f"{file} cannot be read: fit the model again") from error


def ensemble_features(
    logits: dict[str, Floats], behaviour: BehaviourGraph | None, pairs: NodePairs
) -> Floats:
    """(m, columns) of pairs: logits, paths, and how many edges each end has."""
    parts = list(logits.values())
    if behaviour is not None:
        parts.append(behaviour.paths(pairs))
        degrees = [np.log1p(np.diff(matrix.indptr)) for matrix in behaviour.relations.values()]
        parts += [degree[ends][:, None] for degree in degrees for ends in (pairs.left, pairs.right)]
    return np.concatenate(parts, axis=1).astype(np.float32)
