"""A bundle opened for queries: product ids in, recommendations out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import ConfigError
from goeswith.query.context import QueryContext
from goeswith.query.recommendation import Hit, Recommendation, make_recommendation
from goeswith.query.recommendation_list import recommendation_list
from goeswith.store.search_index import MAX_SEARCH_RESULTS, ProductSummary

if TYPE_CHECKING:
    from goeswith.query.compare import ProductComparison
    from goeswith.query.constraints import Constraints
    from goeswith.query.session import NextRecommendation

MAX_BASKET: Final = 50


class Bundle(QueryContext):
    """What `goeswith fit` wrote, ready to be queried. Open one with `Bundle.open`."""

    @recommendation_list
    def complements(
        self, product_id: str, k: int = 10, constraints: Constraints | None = None
    ) -> list[Recommendation]:
        """What goes with a product, best first.

        Args:
            product_id: as in the catalogue.
            k: maximum number of recommendations.
            constraints: filters, bans, pins, quotas and diversity; see docs/how-to/slates.md.

        Raises:
            UnknownProductError: with the nearest ids and titles.
            BundleError: `k` is more than the bundle holds, or its arrays are damaged.
            ConfigError: a constraint does not suit the catalogue.
        """
        self.check_k(k)
        source = self.products.row(product_id)
        if constraints is not None or not self.keeps_ranking:
            return self._select([source], k, constraints)
        targets, scores, model_index = self.top_k_lists.for_product(source, k)
        evidence = self.evidence.for_pairs(source, targets, self._ranks_by_type[model_index])
        name = self.products.display_name(source)
        with_ = (product_id,)
        return [
            make_recommendation(
                self,
                target,
                (float(scores[i]), int(model_index[i])),
                evidence[i],
                name,
                with_,
                product_id,
            )
            for i, target in enumerate(targets.tolist())
        ]

    def lookup(self, product_id: str, k: int = 10) -> list[Hit]:
        """The ids, scores and models of `complements`, without evidence, in microseconds.

        The precomputed ranking: the slate settings of the bundle are not applied.

        Raises:
            GoesWithError: as `complements`.
        """
        self.check_k(k)
        targets, scores, model_index = self.top_k_lists.for_product(
            self.products.row(product_id), k
        )
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
        rows = [self.products.row(product_id) for product_id in dict.fromkeys(product_ids)]
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
        return recommend_next(self, product_ids, k, constraints)

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
        return reverse(self, product_id, k)

    def compare(self, source_id: str, target_id: str) -> ProductComparison:
        """The relation of a target to a source, in both directions, with its evidence.

        Raises:
            UnknownProductError: with the nearest ids and titles.
        """
        from goeswith.query.compare import compare

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
        """
        if not 1 <= k <= MAX_SEARCH_RESULTS:
            raise ConfigError(f"a search returns 1 to {MAX_SEARCH_RESULTS} products, but k is {k}")
        return self.table.summaries(self.products.search(text, k))

    def product(self, product_id: str) -> dict[str, Any]:
        """Every attribute that a product has.

        Raises:
            UnknownProductError: with the nearest ids and titles.
        """
        return self.table.attributes(self.products.row(product_id))
