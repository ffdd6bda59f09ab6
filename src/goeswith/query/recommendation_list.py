"""Recommendations as a list, and as a data frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, Generic, ParamSpec, TypeVar

from goeswith.query.recommendation import Recommendation

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from goeswith.query.shopper.personalization import Personalization

T = TypeVar("T", bound=Recommendation)
S = TypeVar("S")
P = ParamSpec("P")


@dataclass(frozen=True)
class Skipped:
    """Something that a request or a rule has, and that was not applied.

    Attributes:
        what: `pin`, `ban`, `filter` or `rule`.
        value: the product, the filter, or the id of the rule.
        reason: why it was not applied.
    """

    what: str
    value: str
    reason: str


class RecommendationList(list[T], Generic[T]):
    """Recommendations, best first.

    Attributes:
        skipped: pins, bans, filters and pins of rules that were not applied, with reasons.
        rules: ids of the rules that changed the list.
        personal: how a list for one shopper was made; None for a list for all.
    """

    def __init__(
        self, items: Iterable[T] = (), skipped: Iterable[Skipped] = (), rules: Iterable[str] = ()
    ) -> None:
        super().__init__(items)
        self.skipped, self.rules = list(skipped), list(rules)
        self.personal: Personalization | None = None

    def to_frame(self) -> pl.DataFrame:
        """One row a recommendation, in order.

        Columns: rank, product_id, title, type, score, model, fallback, why, and the counts of the
        evidence: baskets (that hold both products), customers, lift, strength, source_first
        (baskets in which the source came first). What the data do not have is null.
        """
        import polars as pl

        schema = {
            "rank": pl.Int64,
            "product_id": pl.String,
            "title": pl.String,
            "type": pl.String,
            "score": pl.Float64,
            "model": pl.String,
            "fallback": pl.Boolean,
            "why": pl.String,
            "baskets": pl.Int64,
            "lift": pl.Float64,
            "source_first": pl.Int64,
            "customers": pl.Int64,
            "strength": pl.String,
        }
        rows = [
            (
                rank,
                one.product_id,
                one.title,
                one.type,
                one.score,
                one.model,
                one.fallback,
                one.why,
                one.evidence.bought_together if one.evidence.counted else None,
                one.evidence.lift,
                one.evidence.source_first,
                one.evidence.customers,
                one.evidence.strength,
            )
            for rank, one in enumerate(self, start=1)
        ]
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _repr_html_(self) -> str:
        """A table, as notebooks show it."""
        return self.to_frame().select("rank", "product_id", "title", "type", "why")._repr_html_()


def recommendation_list(
    method: Callable[Concatenate[S, P], list[T]],
) -> Callable[Concatenate[S, P], RecommendationList[T]]:
    """Have a method return its list as a `RecommendationList`."""

    @wraps(method)
    def wrapped(self: S, /, *args: P.args, **kwargs: P.kwargs) -> RecommendationList[T]:
        answer = method(self, *args, **kwargs)
        return answer if isinstance(answer, RecommendationList) else RecommendationList(answer)

    return wrapped
