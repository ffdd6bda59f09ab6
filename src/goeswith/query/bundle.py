"""A bundle opened for queries: product ids in, recommendations out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goeswith.core.errors import ConfigError
from goeswith.query.context import QueryContext
from goeswith.query.recommendation import Hit, Recommendation
from goeswith.query.recommendation_list import RecommendationList, recommendation_list
from goeswith.query.stored_complements import limited_complements, recommend, stored_complements
from goeswith.store.search_index import MAX_SEARCH_RESULTS, ProductSummary

if TYPE_CHECKING:
    from goeswith.query.compare import ProductComparison
    from goeswith.query.constraints import Constraints
    from goeswith.query.questions.clarifying_question import Clarification
    from goeswith.query.session import NextRecommendation
    from goeswith.query.shopper.next_for_shopper import ShopperNext
    from goeswith.query.shopper.personal_order import Repeats

MAX_BASKET: Final = 50


class Bundle(QueryContext):
    """What `goeswith fit` wrote, ready to be queried. Open one with `Bundle.open`."""

    @recommendation_list
    def complements(
        self,
        product_id: str,
        k: int = 10,
        constraints: Constraints | None = None,
        *,
        history: Sequence[str] | None = None,
        user: str | None = None,
        repeats: Repeats = "auto",
    ) -> list[Recommendation]:
        """What goes with a product, best first.

        Args:
            product_id: as in the catalogue.
            k: maximum number of recommendations.
            constraints: filters, bans, pins, quotas and diversity; see docs/how-to/slates.md.
            history: ids of what the shopper bought, up to 500: the list is ordered for her, and its
                attribute `personal` says how (docs/how-to/shoppers.md). Nothing of it is stored.
            user: in place of the history, a shopper whose history the bundle has.
            repeats: which products of hers may be shown: `auto` those that shoppers buy again,
                `all`, or `none`.

        Raises:
            UnknownProductError: with the nearest ids and titles.
            BundleError: `k` is more than the bundle holds, or its arrays are damaged.
            ConfigError: a constraint does not suit the catalogue.
        """
        if history is not None or user is not None:
            from goeswith.query.shopper.personal_complements import personal_complements

            self.check_k(k)
            self.refresh()
            return personal_complements(self, product_id, k, constraints, history, user, repeats)
        if constraints is None and (stored := self.precomputed(product_id, k)) is not None:
            return stored
        self.check_k(k)
        self.refresh()
        source = self.source_row(product_id)
        if constraints is not None:
            limited = limited_complements(self, source, k, constraints)
            if limited is not None:
                return limited
        return self._select([source], k, constraints)

    def precomputed(self, product_id: str, k: int) -> RecommendationList[Recommendation] | None:
        """`complements` without constraints; None where the precomputed list is not enough.

        That is, where too few of it are left so that saved models score, where the slate settings
        of the bundle change it, and where alternatives or pins of rules are shown.

        Raises:
            GoesWithError: as `complements`.
        """
        self.check_k(k)
        self.refresh()
        source = self.source_row(product_id)
        if not self.keeps_ranking:
            return None
        if self.slate_settings.get("when_sold_out") and self.live.is_sold_out(source):
            return None
        if self.rules.index is None:
            ranked_list = self.top_k_lists.for_product(source, k)
            available = self.live.available(ranked_list[0])
            if available is None or available.all():
                return RecommendationList(recommend(self, source, ranked_list))
        answers = stored_complements(self, source, k)
        if answers is not None and len(answers) < k and self.online:
            return None
        return answers

    def lookup(self, product_id: str, k: int = 10) -> list[Hit]:
        """The ids, scores and models of `complements`, without evidence, in microseconds.

        The precomputed ranking, of products that are available: neither the slate settings of the
        bundle nor rules are applied.

        Raises:
            GoesWithError: as `complements`.
        """
        self.check_k(k)
        self.live.refresh()
        source = self.source_row(product_id)
        targets, scores, model_index = self.top_k_lists.for_product(source, k)
        available = self.live.available(targets)
        if available is not None and not available.all():
            targets, scores, model_index = self.top_k_lists.for_product(source, self.k)
            available = self.live.available(targets)
            at = slice(k) if available is None else np.flatnonzero(available)[:k]
            targets, scores, model_index = targets[at], scores[at], model_index[at]
        ids, models = self.products.ids, self.models
        return [
            Hit(ids[target], score, models[place])
            for target, score, place in zip(
                targets.tolist(), scores.tolist(), model_index.tolist(), strict=True
            )
        ]

    @recommendation_list
    def basket(
        self, product_ids: Sequence[str], k: int = 10, constraints: Constraints | None = None
    ) -> list[Recommendation]:
        """What goes with several products together, best first.

        The recommendations of each are fused (docs/how-to/slates.md). Products of the basket, their
        variants and their substitutes are excluded.

        Args:
            product_ids: 1 to 50 ids; one given twice counts once.
            k: maximum number of recommendations.
            constraints: as for `complements`.

        Raises:
            GoesWithError: as `complements`; a ConfigError also for an empty basket or one of more
                than 50 products.
        """
        self.check_k(k)
        self._check_count("basket", product_ids)
        self.refresh()
        rows = [self.source_row(product_id) for product_id in dict.fromkeys(product_ids)]
        return self._select(rows, k, constraints)

    @recommendation_list
    def session(
        self, product_ids: Sequence[str], k: int = 10, constraints: Constraints | None = None
    ) -> list[NextRecommendation]:
        """What comes next for one who looked at some products in this order, likeliest first.

        The next-product model and the complements of the session's products are fused; recent
        products have the largest weight (docs/how-to/sessions.md). Products of the session and
        their variants are excluded; substitutes are not.

        Args:
            product_ids: 1 to 50 ids, oldest first.
            k: maximum number of recommendations.
            constraints: as for `complements`.

        Raises:
            GoesWithError: as `basket`; a ConfigError also where the bundle has no session model.
        """
        from goeswith.query.session import recommend_next

        self.check_k(k)
        self._check_count("session", product_ids)
        self.refresh()
        return recommend_next(self, product_ids, k, constraints)

    def for_shopper(
        self, user_id: str, k: int = 10, constraints: Constraints | None = None
    ) -> ShopperNext:
        """What a shopper may buy next: again, and for the first time.

        Args:
            user_id: as in the events of the fit. An unknown shopper gets the products that most
                shoppers bought, and `known` is false.
            k: maximum number of products in each list.
            constraints: filters, bans and the market; the rest is of no use here.

        Raises:
            ConfigError: the bundle holds no histories (`fit.shopper_model`), or its key is missing.
            BundleError: `k` is more than the bundle holds, or its arrays are damaged.
        """
        from goeswith.query.shopper.next_for_shopper import next_for_shopper

        self.check_k(k)
        self.refresh()
        return next_for_shopper(self, user_id, k, constraints)

    def question(self, product_id: str, constraints: Constraints | None = None) -> Clarification:
        """The question to the shopper that divides the complements of a product best, if any."""
        from goeswith.query.questions.clarifying_question import clarify, without_filters

        answers = self.complements(product_id, self.k, without_filters(constraints))
        return clarify(self, product_id, answers, constraints)

    @recommendation_list
    def complements_of_new(
        self, attributes: Mapping[str, Any], k: int = 10, constraints: Constraints | None = None
    ) -> list[Recommendation]:
        """What goes with a product that the catalogue does not hold, from its attributes alone.

        The saved models answer, first to last, those of them that can read attributes.

        Args:
            attributes: of the columns of the catalogue; `product_id` need not be there.
            k: maximum number of recommendations.
            constraints: as for `complements`.

        Raises:
            DataError: the attributes cannot be read, or the product is in the catalogue.
            BundleError, ConfigError: as `complements`.
        """
        from goeswith.query.new_product import recommend_for_new

        self.check_k(k)
        self.refresh()
        return recommend_for_new(self, attributes, k, constraints)

    @recommendation_list
    def complements_by(
        self, model: str, product_id: str, k: int = 10, constraints: Constraints | None = None
    ) -> list[Recommendation]:
        """Complements of a product by one model of the bundle, scored online.

        Args:
            model: one of `models` that was fitted.
            product_id: as in the catalogue.
            k: maximum number of recommendations.
            constraints: as for `complements`.

        Raises:
            GoesWithError: as `complements`; a ConfigError also where the bundle has no such model.
        """
        from goeswith.query.single_model import complements_by

        self.check_k(k)
        self.refresh()
        return complements_by(self, model, product_id, k, constraints)

    @recommendation_list
    def similars(
        self, product_id: str, k: int = 10, constraints: Constraints | None = None
    ) -> list[Recommendation]:
        """Substitutes of a product: viewed alternatives first, then products with similar
        attributes.

        Args:
            product_id: as in the catalogue.
            k: maximum number of recommendations.
            constraints: filters and bans; the rest is of no use here.

        Raises:
            GoesWithError: as `complements`.
        """
        from goeswith.query.similar_products import check_similars, similars

        self.check_k(k)
        check_similars(self)
        self.refresh()
        return similars(self, product_id, k, constraints)

    @recommendation_list
    def reverse(self, product_id: str, k: int = 10) -> list[Recommendation]:
        """The products that a product goes with: those that have it among their answers.

        The evidence is of the pair of the recommended product (source) and this one (target).

        Raises:
            GoesWithError: as `complements`.
        """
        from goeswith.query.reverse import reverse

        self.check_k(k)
        self.refresh()
        return reverse(self, product_id, k)

    def compare(self, source_id: str, target_id: str) -> ProductComparison:
        """The relation of a target to a source, in both directions, with its evidence.

        Raises:
            UnknownProductError: with the nearest ids and titles.
        """
        from goeswith.query.compare import compare

        self.refresh()
        return compare(self, source_id, target_id)

    @staticmethod
    def _check_count(noun: str, product_ids: Sequence[str]) -> None:
        if not 1 <= len(product_ids) <= MAX_BASKET:
            raise ConfigError(
                f"a {noun} holds 1 to {MAX_BASKET} products, {len(product_ids)} were given"
            )

    def _select(
        self, sources: list[int], k: int, constraints: Constraints | None
    ) -> list[Recommendation]:
        from goeswith.query.select import select  # pydantic, which a plain look-up needs not

        return select(self, sources, k, constraints)

    def search(self, text: str, k: int = 10) -> list[ProductSummary]:
        """Products whose title or id holds the words of `text`, best first.

        Args:
            text: words, prefixes of words or an id, in any language; typing errors are allowed.
            k: maximum number of products.

        Raises:
            ConfigError: `k` is not between 1 and 100.
            BundleError: the bundle was fitted without search.
        """
        if not self.has_search:
            raise self.missing("search", "an index of words")
        if not 1 <= k <= MAX_SEARCH_RESULTS:
            raise ConfigError(f"a search returns 1 to {MAX_SEARCH_RESULTS} products, but k is {k}")
        self.refresh()
        rows = self.products.search(text, k)
        if self.live.has_unavailable:
            rows = [row for row in rows if not self.live.is_deleted(row)]
        return self.summaries(rows)

    def summaries(self, rows: Sequence[int]) -> list[ProductSummary]:
        """Products in a line each, by row, with the values that hold now."""
        summaries = self.table.summaries(rows)
        if not self.live.columns:
            return summaries
        for i, row in enumerate(rows):
            facts = self.live.facts_of(row)
            price, brand = facts.get("price"), facts.get("brand")
            if isinstance(price, int | float):
                summaries[i] = replace(summaries[i], price=float(price))
            if isinstance(brand, str):
                summaries[i] = replace(summaries[i], brand=brand)
        return summaries

    def product(self, product_id: str) -> dict[str, Any]:
        """Every attribute that a product has now.

        Raises:
            UnknownProductError: with the nearest ids and titles.
        """
        self.refresh()
        return self.live.attributes(self.source_row(product_id))
