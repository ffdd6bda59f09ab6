"""A bundle opened for queries: product ids in, recommendations out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import ConfigError
from goeswith.query.answer import Answer, Hit, answer
from goeswith.query.context import QueryContext
from goeswith.store.search_index import MOST_FOUND, Brief

if TYPE_CHECKING:
    from goeswith.query.compare import Comparison
    from goeswith.query.constraints import Constraints
    from goeswith.query.session import Next

MOST_IN_BASKET: Final = 50


class Bundle(QueryContext):
    """What `goeswith fit` wrote, ready to be queried. Open one with `Bundle.open`."""

    def complements(
        self, product_id: str, k: int = 10, constraints: Constraints | None = None
    ) -> list[Answer]:
        """What goes with a product, best first.

        Args:
            product_id: as in the catalogue.
            k: at most so many; fewer where the models know fewer.
            constraints: filters, bans, pins, quotas and diversity; see docs/how-to/slates.md.

        Raises:
            UnknownProductError: with the nearest ids and titles.
            BundleError: `k` is more than the bundle holds, or its arrays are damaged.
            ConfigError: a constraint does not suit the catalogue.
        """
        self.check_k(k)
        source = self.products.row(product_id)
        if constraints is not None or not self.plain:
            return self._select([source], k, constraints)
        targets, scores, origin = self.ranked.of(source, k)
        evidence = self.evidence.of(source, targets, self._by_type[origin])
        name = self.products.name(source)
        with_ = (product_id,)
        return [
            answer(
                self,
                target,
                (float(scores[i]), int(origin[i])),
                evidence[i],
                name,
                with_,
                product_id,
            )
            for i, target in enumerate(targets.tolist())
        ]

    def lookup(self, product_id: str, k: int = 10) -> list[Hit]:
        """The ids, scores and models of `complements`, without evidence, in microseconds.

        The ranking as it was worked out at fit: the slate settings of the bundle are not applied.

        Raises:
            As `complements`.
        """
        self.check_k(k)
        targets, scores, origin = self.ranked.of(self.products.row(product_id), k)
        ids, models = self.products.ids, self.models
        return [
            Hit(ids[target], score, models[place])
            for target, score, place in zip(
                targets.tolist(), scores.tolist(), origin.tolist(), strict=True
            )
        ]

    def basket(
        self, product_ids: Sequence[str], k: int = 10, constraints: Constraints | None = None
    ) -> list[Answer]:
        """What goes with several products together, best first.

        The answers of each are fused (docs/how-to/slates.md); nothing in the basket, no variant of it and
        no substitute of any of it is among them.

        Args:
            product_ids: 1 to 50 ids; one given twice counts once.
            k: at most so many.
            constraints: as for `complements`.

        Raises:
            As `complements`; ConfigError also for an empty basket or one of more than 50 products.
        """
        self.check_k(k)
        self._check_count("basket", product_ids)
        rows = [self.products.row(product_id) for product_id in dict.fromkeys(product_ids)]
        return self._select(rows, k, constraints)

    def session(
        self, product_ids: Sequence[str], k: int = 10, constraints: Constraints | None = None
    ) -> list[Next]:
        """What comes next for one who looked at some products in this order, likeliest first.

        The session model and the complements of the session's products propose, the newest product
        saying most (docs/how-to/sessions.md). Nothing that the session holds and no variant of it is among
        the answers; substitutes may be.

        Args:
            product_ids: 1 to 50 ids, oldest first.
            k: at most so many.
            constraints: as for `complements`.

        Raises:
            As `basket`; ConfigError also where the bundle has no session model.
        """
        from goeswith.query.session import session

        self.check_k(k)
        self._check_count("session", product_ids)
        return session(self, product_ids, k, constraints)

    def complements_of_new(
        self, attributes: Mapping[str, Any], k: int = 10, constraints: Constraints | None = None
    ) -> list[Answer]:
        """What goes with a product that the catalogue does not hold, from its attributes alone.

        The saved models answer, first to last, those of them that can read attributes.

        Args:
            attributes: of the columns of the catalogue; `product_id` need not be there.
            k: at most so many.
            constraints: as for `complements`.

        Raises:
            DataError: the attributes cannot be read, or the product is in the catalogue.
            BundleError, ConfigError: as `complements`.
        """
        from goeswith.query.new_product import answers_to_new

        self.check_k(k)
        return answers_to_new(self, attributes, k, constraints)

    def complements_by(
        self, model: str, product_id: str, k: int = 10, constraints: Constraints | None = None
    ) -> list[Answer]:
        """What one model of the bundle says goes with a product, asked alone and now.

        Args:
            model: one of `models` that was fitted.
            product_id: as in the catalogue.
            k: at most so many.
            constraints: as for `complements`.

        Raises:
            As `complements`; ConfigError also where the bundle has no such model.
        """
        from goeswith.query.single_model import complements_by

        self.check_k(k)
        return complements_by(self, model, product_id, k, constraints)

    def similars(
        self, product_id: str, k: int = 10, constraints: Constraints | None = None
    ) -> list[Answer]:
        """What stands for a product: viewed as alternatives of it first, then what is alike.

        Args:
            product_id: as in the catalogue.
            k: at most so many.
            constraints: filters and bans; the rest is of no use here.

        Raises:
            As `complements`.
        """
        from goeswith.query.similar_products import check_similars, similars

        self.check_k(k)
        check_similars(self)
        return similars(self, product_id, k, constraints)

    def reverse(self, product_id: str, k: int = 10) -> list[Answer]:
        """The products that a product goes with: those that have it among their answers.

        Evidence is of the answer as the source and the product asked about as the target.

        Raises:
            As `complements`.
        """
        from goeswith.query.reverse import reverse

        self.check_k(k)
        return reverse(self, product_id, k)

    def compare(self, source_id: str, target_id: str) -> Comparison:
        """What a target is to a source, in either direction, and what says so.

        Raises:
            UnknownProductError: with the nearest ids and titles.
        """
        from goeswith.query.compare import compare

        return compare(self, source_id, target_id)

    @staticmethod
    def _check_count(noun: str, product_ids: Sequence[str]) -> None:
        if not 1 <= len(product_ids) <= MOST_IN_BASKET:
            raise ConfigError(
                f"a {noun} holds 1 to {MOST_IN_BASKET} products, {len(product_ids)} were given"
            )

    def _select(self, sources: list[int], k: int, constraints: Constraints | None) -> list[Answer]:
        from goeswith.query.select import select  # pydantic, which a plain look-up needs not

        return select(self, sources, k, constraints)

    def search(self, text: str, k: int = 10) -> list[Brief]:
        """Products whose title or id holds the words of `text`, best first; see docs/explanation/bundle.md.

        Args:
            text: words, beginnings of words or an id, in any language; letters may be wrong.
            k: at most so many.

        Raises:
            ConfigError: `k` is not between 1 and 100.
        """
        if not 1 <= k <= MOST_FOUND:
            raise ConfigError(f"a search gives 1 to {MOST_FOUND} products, {k} were asked for")
        return self.table.briefs(self.products.search(text, k))

    def product(self, product_id: str) -> dict[str, Any]:
        """Every attribute that a product has.

        Raises:
            UnknownProductError: with the nearest ids and titles.
        """
        return self.table.of(self.products.row(product_id))
