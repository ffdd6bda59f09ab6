"""The order of complements for one shopper, and which of her own products are left out.

A rank of the list for all is divided by a factor: the square of the chance that a basket of the
shopper holds both products (`PersonalTrees`). In a bundle without trees it is how much more often
than other products of the list this one finds new buyers (`trial_and_repeat`), times how much more
often similar shoppers buy it (`SimilarShoppers`), within bounds, so that relevance stays first.
docs/how-to/shoppers.md describes how the constants were chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.query.recommendation import Recommendation
from goeswith.query.shopper.own_purchases import OwnPurchases
from goeswith.query.shopper.personalization import LeftOut, Personalization
from goeswith.text.personal_text import moved_by_text, moved_text, owned_text

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext
    from goeswith.query.slate_order import Candidates
    from goeswith.shoppers.personal_trees import PersonalTrees, Reason

MAX_FACTOR: Final = 5.0
"""A rank is divided by this at most, and multiplied with this at most."""
_DEFAULT_RATE: Final = 0.05
"""`personal.min_repeat_rate` of bundles that have no such setting."""

Repeats: TypeAlias = Literal["auto", "all", "none"]
"""Which products that the shopper bought may be shown: those that are bought again, all, none."""


@dataclass(frozen=True)
class PersonalRecommendation(Recommendation):
    """A complement for one shopper.

    Attributes:
        rank_for_all: rank in the ranked list without the shopper, before rules, pins and diversity;
            None where it is not in that list.
        personal: why its rank differs; None where a pin or a rule put it there, and where nothing
            is known of the shopper.
    """

    rank_for_all: int | None = None
    personal: str | None = None


@dataclass
class PersonalOrder:
    """The order for one shopper, applied to one list of candidates after the other.

    Attributes:
        bundle: whose products.
        own: what she bought.
        source: row of the product that the candidates go with.
        left_out: (n,) her products that are left out.
        ranks: row -> rank in the list for all, of the last list.
    """

    bundle: QueryContext
    own: OwnPurchases
    repeats: Repeats
    source: int
    ranks: dict[int, int] = field(default_factory=dict)
    _factors: dict[int, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.left_out = self._left_out()

    @property
    def _has_histories(self) -> bool:
        model = (self.bundle.manifest.get("shoppers") or {}).get("model")
        return self.bundle.online and model is not None

    @cached_property
    def _trees(self) -> PersonalTrees | None:
        """The trees of the bundle; None without, and for a product that came after the fit."""
        trees = self.bundle.shopper_reader.personal if self._has_histories else None
        return trees if trees is not None and self.source < trees.n else None

    def _left_out(self) -> npt.NDArray[np.bool_]:
        bundle = self.bundle
        left_out = np.zeros(len(bundle), dtype=bool)
        left_out[self.own.rows] = True
        codes = bundle.products.variant_codes
        groups = codes[self.own.rows]
        left_out |= np.isin(codes, groups[groups >= 0])  # one is bought in place of its variants
        if self.repeats == "none":
            return left_out
        rates = bundle.trial_repeat.get("repeat")
        if self.repeats == "all" or rates is None:
            return np.zeros(len(bundle), dtype=bool)
        left_out[: len(rates)] &= rates < self._min_rate
        left_out[len(rates) :] = False
        return left_out

    @property
    def _min_rate(self) -> float:
        settings = self.bundle.manifest["settings"].get("personal", {})
        return float(settings.get("min_repeat_rate", _DEFAULT_RATE))

    def apply(self, candidates: Candidates, allowed: npt.NDArray[np.bool_]) -> Candidates:
        """The allowed candidates in the order for the shopper.

        Args:
            candidates: best first.
            allowed: (n,) what may be shown to all.
        """
        candidates = candidates.take(np.flatnonzero(allowed[candidates.products]))
        products = candidates.products
        self.ranks = {row: rank for rank, row in enumerate(products.tolist(), start=1)}
        if not self.own.known or not len(products):
            return candidates
        if self._trees is not None:
            factor = self._trees.probabilities(self.own.rows, self.source, products) ** 2
        else:
            trial, similar = self._trial(products), self._similar(products)
            both = zip(trial.tolist(), similar.tolist(), strict=True)
            self._factors = dict(zip(products.tolist(), both, strict=True))
            factor = np.clip(trial * similar, 1 / MAX_FACTOR, MAX_FACTOR)
        order = np.argsort(np.arange(1, len(products) + 1) / factor, kind="stable")
        # slates may weigh scores, which are for all
        is_moved = bool((order != np.arange(len(order))).any())
        return replace(candidates.take(order), comparable=candidates.comparable and not is_moved)

    def _trial(self, products: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Trial of each product over the median of the list; 1 where it is not known."""
        trials = self.bundle.trial_repeat.get("trial")
        factors = np.ones(len(products))
        if trials is None:
            return factors
        at = np.flatnonzero(products < len(trials))
        values = trials[products[at]].astype(np.float64)
        middle = float(np.median(values)) if len(at) else 0.0
        if middle > 0:
            factors[at] = values / middle
        return factors

    def _similar(self, products: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        if not self._has_histories:
            return np.ones(len(products))
        return self.bundle.shopper_reader.similar.lifts(self.own.rows, products)

    def explain(
        self, answers: Sequence[Recommendation], first: int
    ) -> list[PersonalRecommendation]:
        """Recommendations with their rank for all and why it differs.

        Args:
            answers: as shown.
            first: how many at the start are alternatives of a sold-out product.
        """
        explained, row_of = [], self.bundle.products.row
        reasons = self._reasons([row_of(answer.product_id) for answer in answers[first:]])
        for rank, answer in enumerate(answers, start=1):
            fields: dict[str, Any] = dict(vars(answer))
            row = row_of(answer.product_id)
            if rank > first and row in self.ranks:
                fields["rank_for_all"] = self.ranks[row]
                if self.own.known and not answer.pinned and not answer.rules:
                    fields["personal"] = self._reason(row, rank, reasons)
            explained.append(PersonalRecommendation(**fields))
        return explained

    def _reasons(self, shown: list[int]) -> dict[int, Reason]:
        """Row -> what the trees have for and against it; empty without trees."""
        if self._trees is None or not self.own.known:
            return {}
        n = self._trees.n
        rows = np.array([row for row in shown if row < n and row in self.ranks], dtype=np.int32)
        found = self._trees.reasons(self.own.rows, self.source, rows)
        return dict(zip(rows.tolist(), found, strict=True))

    def _reason(self, row: int, rank: int, reasons: dict[int, Reason]) -> str:
        if self._trees is None:
            return moved_text(self.ranks[row], rank, *self._factors[row])
        return moved_by_text(self.ranks[row], rank, *reasons.get(row, (None, None)))

    def report(self, answers: Sequence[Recommendation], k: int) -> Personalization:
        """How a list of at most `k` was made."""
        shown = {answer.product_id for answer in answers}
        products, rates = self.bundle.products, self.bundle.trial_repeat.get("repeat")
        left_out = []
        for row, rank in self.ranks.items():
            if rank <= k and self.left_out[row] and products.ids[row] not in shown:
                rate = None if rates is None or row >= len(rates) else float(rates[row])
                limit = self._min_rate if self.repeats == "auto" else None
                left_out.append(LeftOut(products.ids[row], owned_text(rate, limit)))
        return Personalization(
            self.own.source,
            self.own.known,
            len(self.own.rows),
            self.own.unknown,
            self.own.known and self._has_histories and self._trees is None,
            left_out,
        )
