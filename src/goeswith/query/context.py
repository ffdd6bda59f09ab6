"""What a query works on: the stored bundle, what the shop decided since, and the saved models."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from goeswith.core.errors import UnknownProductError
from goeswith.facts.live_facts import LiveFacts
from goeswith.query.explanation_store import ExplanationStore
from goeswith.rules.rule_book import RuleBook
from goeswith.store.manifest import Manifest
from goeswith.store.reader import StoredBundle

if TYPE_CHECKING:
    from goeswith.query.online_scoring import OnlineScorer
    from goeswith.query.shopper.next_for_shopper import ShopperReader


class QueryContext(StoredBundle):
    """A stored bundle with its explanations and its saved models."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        super().__init__(path, manifest)
        self.explanations = ExplanationStore(self.explanation_arrays, self.products, self.table)
        self.live = LiveFacts(self)
        self.rules = RuleBook(self.live, self)
        self.online = True
        """Whether saved models score where the precomputed recommendations are not enough."""

    def refresh(self) -> None:
        """Take over live facts and rules that were written since the last query."""
        self.live.refresh()
        self.rules.refresh(self)

    @property
    def is_as_fitted(self) -> bool:
        """Whether every product may be shown and no rule applies."""
        return self.rules.index is None and not self.live.has_unavailable

    def source_row(self, product_id: str) -> int:
        """The row of a queried product.

        Raises:
            UnknownProductError: the catalogue does not have it, or it was deleted.
        """
        row = self.products.row(product_id)
        if self.live.has_unavailable and self.live.is_deleted(row):
            deleted = UnknownProductError(
                f"the product {product_id!r} was deleted; `deleted: false` restores it"
            )
            deleted.product_id = product_id
            raise deleted
        return row

    @cached_property
    def scorer(self) -> OnlineScorer:
        """The saved models, each loaded when it is first needed."""
        from goeswith.query.online_scoring import OnlineScorer

        return OnlineScorer(self)

    @cached_property
    def shopper_reader(self) -> ShopperReader:
        """The histories of shoppers and their model, read when first needed.

        Raises:
            ConfigError: the bundle has none, or the key of the ids is missing.
        """
        from goeswith.query.shopper.next_for_shopper import ShopperReader

        return ShopperReader(self)
