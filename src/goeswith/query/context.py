"""What a query works on: the stored bundle, what the shop decided since, and the saved models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goeswith.core.errors import ConfigError, UnknownProductError
from goeswith.facts.live_facts import LiveFacts
from goeswith.query.explanation_store import ExplanationStore
from goeswith.rules.rule_book import RuleBook
from goeswith.store.manifest import Manifest
from goeswith.store.reader import StoredBundle

_TITLE_COLUMN: Final = re.compile(r"title[_:]([A-Za-z]{2}(?:[-_][A-Za-z]{2,4})?)")

if TYPE_CHECKING:
    import polars as pl

    from goeswith.query.online_scoring import OnlineScorer
    from goeswith.query.shopper.shopper_reader import ShopperReader


def _holds_words(column: pl.Series) -> bool:
    if str(column.dtype) != "String":
        return False
    share = column.drop_nulls().str.contains(r"\p{L}").mean()
    return isinstance(share, float) and share > 0.5


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
    def title_columns(self) -> dict[str, str]:
        """Locale, in lower case -> the column of the catalogue with titles in it.

        A column `title_de`, `title_pt-BR` or `title:de`; one whose values are mostly without a
        letter, such as the numbers of titles in `title_id`, is none.
        """
        return {
            found[1].lower().replace("_", "-"): name
            for name in self.table.frame.columns
            if (found := _TITLE_COLUMN.fullmatch(name)) and _holds_words(self.table.frame[name])
        }

    @contextmanager
    def in_locale(self, locale: str | None) -> Iterator[None]:
        """Titles of a locale in the answers and sentences of the queries inside the block.

        A product without one has its plain title. `de-AT` takes the titles of `de` if it has none
        of its own; None changes nothing.

        Raises:
            ConfigError: the catalogue has no titles of that locale.
        """
        if locale is None:
            yield
            return
        code = locale.strip().lower().replace("_", "-")
        column = self.title_columns.get(code) or self.title_columns.get(code.partition("-")[0])
        if column is None:
            there = ", ".join(sorted(self.title_columns))
            raise ConfigError(
                f"locale: the catalogue has no titles for {locale[:80]!r}; "
                + (f"it has {there}" if there else "add a column such as title_de, and fit again")
                + ". Without a locale, answers have the plain titles"
            )
        titles = self.table.frame[column]
        with self.products.with_titles(lambda row: titles[row]):
            yield

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
        from goeswith.query.shopper.shopper_reader import ShopperReader

        return ShopperReader(self)
