"""The tools of agents: each reads a bundle and returns a JSON object."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from goeswith.agents.current_bundle import CurrentBundle
from goeswith.agents.marked_text import (
    NOTICE,
    catalogue_text,
    evidence_figures,
    question_fields,
    recommendation_items,
)
from goeswith.core.errors import UnknownProductError
from goeswith.core.version import __version__
from goeswith.facts.filters import MAX_FILTER_LENGTH
from goeswith.health.live_health import HealthReader
from goeswith.query.bundle import MAX_BASKET, Bundle
from goeswith.query.constraints import Constraints
from goeswith.results.reports.cached_report import CachedReport

MAX_K: Final = 50
"""Recommendations of one answer."""
MAX_ROWS: Final = 100
"""Rows of an answer about results."""

ProductId: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=500, description="Product id, exactly as in the catalogue.")
]
Count: TypeAlias = Annotated[int, Field(ge=1, le=MAX_K, description="Maximum number of products.")]
Filters: TypeAlias = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAX_FILTER_LENGTH)]],
    Field(
        max_length=10,
        description="Filters on attributes that every product meets, such as price<=20, "
        "in_stock=true or 'brand in Mu|Nu'.",
    ),
]
Basket: TypeAlias = Annotated[
    list[ProductId], Field(min_length=1, max_length=MAX_BASKET, description="The products in it.")
]
Words: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=200, description="Words, prefixes of words, or an id.")
]
Dimension: TypeAlias = Annotated[
    Literal["all", "day", "model", "fallback", "rank", "type_pair", "market", "variant", "rule"],
    Field(description="One row for each value of it; `all` is one row for everything."),
]
_NAMED_BY_SHOP: Final = ("type_pair", "market", "variant", "rule")
"""Dimensions whose values are words of the shop."""


class BundleTools:
    """Queries of a bundle. One runs at a time; every answer has the id of its build."""

    def __init__(self, path: Path, feedback: Path | None = None) -> None:
        """Open the bundle at `path`.

        Args:
            path: the bundle.
            feedback: the folder `serve.feedback`; without it there is no tool `results`.

        Raises:
            BundleError: it is missing or damaged.
        """
        self._current = CurrentBundle(path)
        self._lock = threading.Lock()
        self._report = CachedReport(feedback) if feedback else None

    @property
    def functions(self) -> list[Callable[..., dict[str, Any]]]:
        """The tools; name, parameters and docstring of each are what an agent sees of it."""
        functions: list[Callable[..., dict[str, Any]]] = [
            self.complements, self.basket, self.question, self.compare, self.why, self.search,
            self.health,
        ]  # fmt: skip
        return functions if self._report is None else [*functions, self.results]

    def complements(
        self,
        product_id: ProductId,
        k: Count = 5,
        where: Filters = [],  # noqa: B006
    ) -> dict[str, Any]:
        """Products to buy with a product (a case for a phone), best first, with evidence.

        Substitutes are left out. `evidence` has the counts of the purchase log; an answer with
        `fallback: true` has weaker evidence. Find ids with `search`.
        """
        with self._bundle() as bundle:
            answers = bundle.complements(product_id, min(k, bundle.k), _constraints(where))
            return self._answer(
                bundle,
                product_id=product_id,
                complements=recommendation_items(answers),
                skipped=[f"{s.what} {s.value}: {s.reason}" for s in answers.skipped],
            )

    def basket(
        self,
        product_ids: Basket,
        k: Count = 5,
        where: Filters = [],  # noqa: B006
    ) -> dict[str, Any]:
        """Products that complete a basket of one to fifty products, best first, with evidence.

        `goes_with` lists the products of the basket that each is recommended for.
        """
        with self._bundle() as bundle:
            answers = bundle.basket(product_ids, min(k, bundle.k), _constraints(where))
            return self._answer(
                bundle,
                basket=list(dict.fromkeys(product_ids)),
                complements=recommendation_items(answers),
                skipped=[f"{s.what} {s.value}: {s.reason}" for s in answers.skipped],
            )

    def question(
        self,
        product_id: ProductId,
        where: Filters = [],  # noqa: B006
    ) -> dict[str, Any]:
        """The question to put to a shopper that narrows the complements of a product down most.

        Each choice has filters: add those of the shopper's answer to `where` of the next call, of
        `complements` or of this tool. `question` is null where nothing divides the complements.
        """
        with self._bundle() as bundle:
            found = bundle.question(product_id, _constraints(where))
            return self._answer(
                bundle,
                product_id=product_id,
                question=None if found.question is None else question_fields(found.question),
                skipped=[f"{s.what} {s.value}: {s.reason}" for s in found.skipped],
            )

    def compare(self, source_id: ProductId, target_id: ProductId) -> dict[str, Any]:
        """How a target product relates to a source product, in both directions, with evidence.

        `relation` is complement (the target goes with the source), reverse (only the source goes
        with the target), mutual, substitute or none. `rank` is the target's among the stored
        recommendations of the source.
        """
        with self._bundle() as bundle:
            comparison = bundle.compare(source_id, target_id)
            directions = {
                name: {
                    "rank": direction.rank,
                    "score": direction.score,
                    "model": direction.model,
                    "fallback": direction.fallback,
                    "probability": direction.probability,
                    "evidence": evidence_figures(direction.evidence),
                    "catalogue_text": catalogue_text(why=direction.why),
                }
                for name, direction in (
                    ("forward", comparison.forward),
                    ("backward", comparison.backward),
                )
            }
            return self._answer(
                bundle,
                source=_product_line(bundle, source_id),
                target=_product_line(bundle, target_id),
                relation=comparison.relation,
                **directions,
                catalogue_text=catalogue_text(why=comparison.why),
            )

    def why(self, source_id: ProductId, target_id: ProductId) -> dict[str, Any]:
        """Why a target product is, or is not, recommended with a source product, in a sentence."""
        with self._bundle() as bundle:
            comparison = bundle.compare(source_id, target_id)
            return self._answer(
                bundle,
                source_id=source_id,
                target_id=target_id,
                relation=comparison.relation,
                rank=comparison.forward.rank,
                evidence=evidence_figures(comparison.forward.evidence),
                catalogue_text=catalogue_text(why=comparison.forward.why, relation=comparison.why),
            )

    def search(self, text: Words, k: Count = 10) -> dict[str, Any]:
        """Products with the words of a text in title or id, best first; typing errors are allowed.

        Use it to find the product id that the other tools need.
        """
        with self._bundle() as bundle:
            rows = [summary.product_id for summary in bundle.search(text, k)]
            return self._answer(bundle, products=[_product_line(bundle, found) for found in rows])

    def health(self) -> dict[str, Any]:
        """Which bundle answers: its build, data, models and size, and whether it is the newest.

        `coverage` counts products with too few recommendations; `top_five` has shares of all first
        five recommendations, such as those of substitutes and those with strong evidence.
        """
        with self._bundle() as bundle:
            health = HealthReader(bundle).build
            return self._answer(
                bundle,
                goeswith=__version__,
                created=bundle.manifest["created"],
                data=bundle.manifest["data"]["name"],
                max_k=min(bundle.k, MAX_K),
                # the rest of the report has product titles
                coverage=health.coverage.model_dump(),
                top_five=health.top_five.model_dump(),
                counted=bundle.evidence.counted,
                newest_build_refused=self._current.error,
            )

    def results(self, by: Dimension = "all") -> dict[str, Any]:
        """Impressions, clicks, carts and revenue of recommendations, from the shop's feedback log.

        Shares and amounts have 95 % intervals (`_low`, `_high`). `attach` counts orders of a
        product that hold one recommended with it; `incremental` is revenue above that of the
        holdout group, null without one. The figures are at most a minute old.
        """
        assert self._report is not None
        report, _ = self._report()
        rows = [_results_row(row, by) for row in report.rows[by]]
        notes = {f"note_{number}": note for number, note in enumerate(report.notes, start=1)}
        with self._bundle() as bundle:
            return self._answer(
                bundle,
                by=by,
                impressions_are=report.counted,
                purchase_belongs_to_last=report.touch,
                window_hours=report.window_hours,
                first_at=report.counts["first_at"].isoformat(timespec="seconds"),
                last_at=report.counts["last_at"].isoformat(timespec="seconds"),
                rows=rows[-MAX_ROWS:] if by == "day" else rows[:MAX_ROWS],
                more_rows=max(0, len(rows) - MAX_ROWS),
                attach=report.attach,
                incremental=report.incremental,
                catalogue_text=catalogue_text(currency=report.currency, **notes),
            )

    @contextmanager
    def _bundle(self) -> Iterator[Bundle]:
        with self._lock:
            try:
                yield self._current()
            except UnknownProductError as error:
                if error.product_id is None:
                    raise
                # the message for people has titles of other products
                raise UnknownProductError(
                    f"the catalogue has no product {error.product_id!r}; find its id with the tool "
                    "`search`"
                ) from error

    @staticmethod
    def _answer(bundle: Bundle, **content: Any) -> dict[str, Any]:
        return {"notice": NOTICE, "bundle": bundle.id, **content}


def _constraints(where: list[str]) -> Constraints | None:
    return Constraints.from_text(where) if where else None


def _results_row(row: dict[str, Any], by: str) -> dict[str, Any]:
    """The figures of a value; a value that the shop has named is marked."""
    if by not in _NAMED_BY_SHOP:
        return row
    figures = {name: value for name, value in row.items() if name != "value"}
    return {**figures, "catalogue_text": catalogue_text(value=row["value"])}


def _product_line(bundle: Bundle, product_id: str) -> dict[str, Any]:
    summary = bundle.summaries([bundle.products.row(product_id)])[0]
    return {
        "product_id": product_id,
        "price": summary.price,
        "catalogue_text": catalogue_text(
            title=summary.title, type=summary.type, brand=summary.brand
        ),
    }
