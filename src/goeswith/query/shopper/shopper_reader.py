"""The shopper part of a bundle, opened for queries."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from goeswith.core.arrays_file import load_arrays
from goeswith.core.errors import BundleError, ConfigError
from goeswith.models.registry import model_name
from goeswith.query.online_scoring import damage_as_error
from goeswith.shoppers import SHOPPER_MODELS
from goeswith.shoppers.personal_trees import PersonalTrees
from goeswith.shoppers.shop_counts import count_shoppers
from goeswith.shoppers.shopper_store import ShopperStore
from goeswith.shoppers.similar_shoppers import SimilarShoppers
from goeswith.store.manifest import PERSONAL, SHOPPER_MODEL, SHOPPERS

if TYPE_CHECKING:
    from goeswith.store.reader import StoredBundle


class ShopperReader:
    """The shopper part of a bundle: histories and model, read once."""

    def __init__(self, bundle: StoredBundle) -> None:
        spec: str | None = (bundle.manifest.get("shoppers") or {}).get("model")
        if spec is None:
            raise ConfigError(
                f"{bundle.path} has no histories of shoppers: fit it with "
                'fit.shopper_model = "auto" from purchases with user_id'
            )
        self.spec, self.folder = spec, bundle.folder / SHOPPER_MODEL
        self.store = ShopperStore.load(bundle.folder / SHOPPERS)
        with damage_as_error(self.folder):
            self.model = SHOPPER_MODELS.find(model_name(spec)).load(self.folder)
        if not 0 < self.model.n == self.store.histories.n <= len(bundle):
            raise BundleError(
                f"{self.folder}: the model is of {self.model.n:,} products, the histories of "
                f"{self.store.histories.n:,} and the bundle of {len(bundle):,}; fit it again"
            )
        self.shoppers = count_shoppers(self.store.histories)
        self._personal = bundle.folder / PERSONAL if PERSONAL in bundle.manifest["files"] else None

    @cached_property
    def similar(self) -> SimilarShoppers:
        """The shoppers of the store, to compare another one with."""
        return SimilarShoppers(self.store.histories)

    @cached_property
    def personal(self) -> PersonalTrees | None:
        """The trees that order complements for one shopper; None for a bundle without."""
        if self._personal is None:
            return None
        with damage_as_error(self._personal):
            trees = PersonalTrees.restore(load_arrays(self._personal))
            if trees.n != self.store.histories.n:
                raise ValueError("it is of another number of products than the histories")
        return trees
