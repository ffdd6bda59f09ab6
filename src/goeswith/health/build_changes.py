"""What changed in the top fives against the last build, with reasons where the data hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.health.health_report import (
    BuildChanges,
    ChangedProduct,
    ChangedRecommendation,
    Coverage,
    Reason,
    TopFive,
)

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows
    from goeswith.health.build_arrays import BuildArrays

_PRODUCTS: Final = 100
"""Changed products that are described."""
_REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
_GONE: Final = -2
"""Row, in the new build, of a product that only the last one has."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Moves:
    """Recommendations that entered or left a top five.

    Attributes:
        place: (m,) position of the source among the products of both builds.
        target: (m,) row of the product, in the new build if it entered and in the last if it left.
        reason: (m,) index in `_REASONS`.
        before: (m,) contexts with both in the last build.
        now: (m,) the same in the new build.
    """

    place: npt.NDArray[np.int64]
    target: Rows
    reason: npt.NDArray[np.int8]
    before: npt.NDArray[np.int64]
    now: npt.NDArray[np.int64]

    def reasons(self) -> dict[Reason, int]:
        """Number of moves by reason."""
        counts = np.bincount(self.reason, minlength=len(_REASONS)).tolist()
        return {name: count for name, count in zip(_REASONS, counts, strict=True) if count}

    def of(self, place: int, build: BuildArrays, counted: bool) -> list[ChangedRecommendation]:
        """The moves of one product."""
        low, high = np.searchsorted(self.place, [place, place + 1]).tolist()
        return [
            ChangedRecommendation(
                product_id=build.products.ids[int(self.target[i])],
                title=build.products.title(int(self.target[i])),
                reason=_REASONS[self.reason[i]],
                before=int(self.before[i]) if counted else None,
                now=int(self.now[i]) if counted else None,
            )
            for i in range(low, high)
        ]


@dataclass(frozen=True)
class _Builds:
    """The new build and the last.

    Attributes:
        new_rows: (c,) rows of the products of both, in the new build, ascending.
        last_rows: (c,) their rows in the last.
        new_of_last: (n of the last,) rows in the new build, `_GONE` for none.
        last_of_new: (n,) rows in the last build, -1 for none.
    """

    new: BuildArrays
    last: BuildArrays
    new_rows: Rows
    last_rows: Rows
    new_of_last: Rows
    last_of_new: Rows

    @classmethod
    def of(cls, new: BuildArrays, last: BuildArrays) -> _Builds:
        before = pl.DataFrame({"product_id": last.ids}).with_row_index("last")
        now = pl.DataFrame({"product_id": new.ids})
        found = now.join(before, on="product_id", how="left", maintain_order="left")
        last_of_new = found["last"].cast(pl.Int32).fill_null(-1).to_numpy()
        new_rows = np.flatnonzero(last_of_new >= 0).astype(np.int32)
        new_of_last = np.full(before.height, _GONE, dtype=np.int32)
        new_of_last[last_of_new[new_rows]] = new_rows
        return cls(new, last, new_rows, last_of_new[new_rows], new_of_last, last_of_new)

    def counts(self, place: Any, new: Rows, last: Rows) -> tuple[Any, Any, Mask]:
        """Contexts before and now, and whether they differ, for pairs of which the target may be
        in one build only (negative row).
        """
        before, now = np.zeros((2, len(place)), dtype=np.int64)
        was, is_ = np.zeros((2, len(place)), dtype=bool)
        for build, rows, target, count, shown in (
            (self.last, self.last_rows, last, before, was),
            (self.new, self.new_rows, new, now, is_),
        ):
            at = target >= 0
            shown[at], count[at] = build.counts((rows[place[at]], target[at]))
        return before, now, (before != now) | (was != is_)

    def entered(self, place: Any, target: Rows) -> _Moves:
        """Moves of targets of the new build."""
        last = self.last_of_new[target]
        before, now, differs = self.counts(place, target, last)
        was_held = np.zeros(len(target), dtype=bool)
        was_held[last >= 0] = self.last.flags[last[last >= 0]] != 0
        reason = _first_reason(
            len(target),
            {"new_product": last < 0, "available_again": was_held, "new_counts": differs},
        )
        return _Moves(place, target, reason, before, now)

    def left(self, place: Any, target: Rows) -> _Moves:
        """Moves of targets of the last build."""
        new = self.new_of_last[target]
        before, now, differs = self.counts(place, new, target)
        is_there = new >= 0
        is_held, is_alike = np.zeros((2, len(target)), dtype=bool)
        is_held[is_there] = self.new.flags[new[is_there]] != 0
        pairs = self.new_rows[place[is_there]], new[is_there]
        was_alike = self.last.look_alikes((self.last_rows[place[is_there]], target[is_there]))
        is_alike[is_there] = self.new.look_alikes(pairs) & ~was_alike
        reason = _first_reason(
            len(target),
            {
                "removed_product": ~is_there,
                "sold_out_or_hidden": is_held,
                "now_a_look_alike": is_alike,
                "new_counts": differs,
            },
        )
        return _Moves(place, target, reason, before, now)


def build_changes(
    new: BuildArrays,
    last: BuildArrays,
    identity: Mapping[str, str],
    last_health: tuple[Coverage, TopFive] | None,
) -> BuildChanges:
    """What changed against the last build.

    Args:
        new: the build.
        last: the build before it.
        identity: `id` and `created` of the last build.
        last_health: of the last build; None if it is not stored.
    """
    both = _Builds.of(new, last)
    now = new.head[0][both.new_rows]
    last_head = last.head[0][both.last_rows]
    before = np.where(last_head >= 0, both.new_of_last[np.maximum(last_head, 0)], -1)
    is_same = now[:, :, None] == before[:, None, :]
    has_entered = (now >= 0) & ~is_same.any(axis=2)
    has_left = (before != -1) & ~is_same.any(axis=1)
    entered = both.entered(*_moved(has_entered, now))
    left = both.left(*_moved(has_left, last_head))
    is_changed = has_entered.any(axis=1) | has_left.any(axis=1)
    is_reordered = ~is_changed & (now != before).any(axis=1)
    return BuildChanges(
        last=identity["id"],
        created=identity["created"],
        new_products=int((both.last_of_new < 0).sum()),
        removed_products=int((both.new_of_last == _GONE).sum()),
        compared=len(now),
        changed=int(is_changed.sum()),
        reordered=int(is_reordered.sum()),
        reasons_entered=entered.reasons(),
        reasons_left=left.reasons(),
        coverage=None if last_health is None else last_health[0],
        top_five=None if last_health is None else last_health[1],
        products=_described(both, np.flatnonzero(is_changed), entered, left),
    )


def _described(
    both: _Builds, places: npt.NDArray[np.int64], entered: _Moves, left: _Moves
) -> list[ChangedProduct]:
    """The most purchased of the changed products."""
    rows = both.new_rows[places]
    purchases = np.rint(both.new.purchases[rows]).astype(np.int64)
    products, counted = both.new.products, both.new.counted and both.last.counted
    return [
        ChangedProduct(
            product_id=products.ids[int(rows[i])],
            title=products.title(int(rows[i])),
            purchases=int(purchases[i]),
            entered=entered.of(int(places[i]), both.new, counted),
            left=left.of(int(places[i]), both.last, counted),
        )
        for i in np.lexsort((rows, -purchases))[:_PRODUCTS].tolist()
    ]


def _moved(mask: Mask, rows: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int64], Rows]:
    place, rank = np.nonzero(mask)
    return place, rows[place, rank]


def _first_reason(size: int, reasons: dict[Reason, Mask]) -> npt.NDArray[np.int8]:
    """(m,) index of the first reason that holds, `ranking` if none does."""
    out = np.full(size, _REASONS.index("ranking"), dtype=np.int8)
    for name, holds in reversed(reasons.items()):
        out[holds] = _REASONS.index(name)
    return out
