"""The ranker of shoppers: trees over personal frequency, waits, neighbours and complements."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import Arrays
from goeswith.core.progress import MessageProgress
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.shoppers import SHOPPER_MODELS
from goeswith.shoppers.base import ShopperModel
from goeswith.shoppers.histories import Histories
from goeswith.shoppers.members import Members, arrays_of
from goeswith.shoppers.shopper_features import candidate_table
from goeswith.shoppers.shopper_ranker_config import ShopperRankerConfig
from goeswith.shoppers.shopper_training import ShopperChoice, blocks_of, train_shoppers


class ShopperRanker(ShopperModel):
    """Boosted trees over the evidence for each product of the next basket."""

    Config: ClassVar[type[ModelConfig]] = ShopperRankerConfig
    name: ClassVar[str] = "shopper_ranker"
    config: ShopperRankerConfig
    members: Members | None = None
    fallback: ShopperModel | None = None
    _on_progress: MessageProgress | None = None

    def set_checkpoints(self, checkpoints: Path, on_progress: MessageProgress) -> None:
        self._on_progress = on_progress

    def learn(self, catalog: Catalog, histories: Histories) -> Self:
        self.n_ = len(catalog)
        earlier, shoppers, baskets = histories.split_last()
        past = Members.learn(catalog, earlier)
        self.choice = train_shoppers(past, earlier, shoppers, baskets, self.config)
        if self._on_progress is not None:
            self._on_progress(f"fitting {self.name}: {self.choice.reason}")
        self.members = self.fallback = None
        if self.choice.booster is not None:
            self.members = Members.learn(catalog, histories)
        else:
            self.fallback = SHOPPER_MODELS.make(self.choice.member).fit(catalog, histories)
        return self

    def refresh(self, catalog: Catalog, histories: Histories) -> Self:
        if self.fallback is not None:
            self.fallback.refresh(catalog, histories)
        else:
            self.members = Members.learn(catalog, histories)
        return self

    def score(self, histories: Histories) -> Floats:
        if self.fallback is not None:
            return self.fallback.score(histories)
        assert self.members is not None
        scores = np.full((len(histories), self.n), -np.inf, dtype=np.float32)
        start = 0
        for block in blocks_of(histories, self.members):
            table = candidate_table(self.members, block)
            scores[table.shopper + start, table.product] = self.choice.probabilities(table)
            start += len(block)
        return scores

    def arrays(self) -> Arrays:
        part = self.fallback if self.members is None else self.members
        assert part is not None
        config = b"" if self.fallback is None else self.fallback.config.model_dump_json().encode()
        return {
            "n": np.array(self.n_),
            "fallback_config": np.frombuffer(config, dtype=np.uint8),
            **self.choice.arrays(),
            **{f"part-{name}": value for name, value in part.arrays().items()},
        }

    def restore(self, arrays: Arrays) -> None:
        self.n_, self.choice = int(arrays["n"]), ShopperChoice.restore(arrays)
        self.members = self.fallback = None
        if self.choice.booster is not None:
            self.members = Members.restore(arrays_of(arrays, "part"))
            return
        kind = SHOPPER_MODELS.find(self.choice.member)
        config = kind.Config.model_validate_json(arrays["fallback_config"].tobytes())
        self.fallback = kind(config)
        self.fallback.restore(arrays_of(arrays, "part"))

    @property
    def users(self) -> int:  # type: ignore[override]
        return 0 if self.members is None else self.members.tifu.users

    def importances(self) -> dict[str, float]:
        return self.choice.importances()
