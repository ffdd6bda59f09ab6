"""Coverage, look-alikes, evidence, hubs and weak products of the lists of a build."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, get_args

import numpy as np
import numpy.typing as npt

from goeswith.health.build_arrays import HEAD, BuildArrays
from goeswith.health.health_report import (
    Coverage,
    Hub,
    Issue,
    ModelCoverage,
    TopFive,
    WeakProduct,
)
from goeswith.relations.measures import association
from goeswith.store.evidence import MEDIUM, STRONG

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows

_HUBS: Final = 20
_WEAK_PRODUCTS: Final = 100
_LOOK_ALIKES: Final = 2
"""Look-alikes in a top five from which they are an issue."""
_ISSUES: Final[tuple[Issue, ...]] = get_args(Issue)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ListHealth:
    """The lists of one build."""

    build: BuildArrays

    @cached_property
    def _pairs(self) -> tuple[Rows, Rows, npt.NDArray[np.int8]]:
        """Source, target and model of every recommendation in a top five."""
        rows, models = self.build.head
        source, place = np.nonzero(rows >= 0)
        return source.astype(np.int32), rows[source, place], models[source, place]

    @cached_property
    def _look_alikes(self) -> Mask:
        return self.build.look_alikes(self._pairs[:2])

    @cached_property
    def _strengths(self) -> tuple[Mask, npt.NDArray[np.int8]]:
        """Whether each pair was bought together, and 3 strong, 2 medium, 1 weak, 0 else."""
        source, target, _ = self._pairs
        arrays, build = self.build.evidence, self.build
        at = build.bought_positions((source, target))
        is_bought = at >= 0
        levels = np.zeros(len(at), dtype=np.int8)
        if build.counted:
            at, rows, columns = at[is_bought], source[is_bought], target[is_bought]
            weight = arrays["bought.weight" if "bought.weight" in arrays else "bought.data"][at]
            n_u, n_v = arrays["source_contexts"][rows], arrays["purchases"][columns]
            lower = association("pmi_lower", weight, n_u, n_v, float(arrays["contexts"][0]))
            contexts = np.rint(arrays["bought.data"][at])
            customers = arrays["bought.customers"][at] if "bought.customers" in arrays else contexts
            figures = np.exp(lower), contexts, np.rint(customers)
            found = np.ones(len(at), dtype=np.int8)
            for level, minimum in ((2, MEDIUM), (3, STRONG)):
                pairs = zip(figures, minimum, strict=True)
                found[np.logical_and.reduce([value >= least for value, least in pairs])] = level
            levels[is_bought] = found
        return is_bought, levels

    def coverage(self) -> Coverage:
        """Counts of products and ranks."""
        build = self.build
        answers = (build.targets >= 0).sum(axis=1)
        first = build.model_index[:, 0]
        used = np.bincount(build.model_index[build.targets >= 0], minlength=len(build.models))
        return Coverage(
            products=len(answers),
            without=int((answers == 0).sum()),
            few=int(((answers > 0) & (answers < HEAD)).sum()),
            fallback_only=int(self._is_fallback_only.sum()),
            without_type=int((build.type_codes < 0).sum()),
            recommended=len(np.unique(self._pairs[1])),
            models=[
                ModelCoverage(
                    model=name,
                    fallback=i > 0,
                    recommendations=int(used[i]),
                    products_first=int((first == i).sum()),
                )
                for i, name in enumerate(build.models)
            ],
        )

    @cached_property
    def _is_fallback_only(self) -> Mask:
        models = self.build.model_index
        return np.asarray((models >= 0).any(axis=1) & ~(models == 0).any(axis=1))

    def top_five(self) -> TopFive:
        """Shares of all top fives."""
        source, target, model = self._pairs
        is_bought, levels = self._strengths
        codes = self.build.type_codes
        is_same = (codes[source] == codes[target]) & (codes[source] >= 0)
        counted = self.build.counted
        return TopFive(
            recommendations=len(source),
            look_alikes=_share(self._look_alikes),
            same_type=_share(is_same) if (codes >= 0).any() else None,
            fallback=_share(model > 0),
            bought_together=_share(is_bought),
            strong=_share(levels == 3) if counted else None,
            medium=_share(levels == 2) if counted else None,
            weak=_share(levels == 1) if counted else None,
        )

    def hubs(self) -> list[Hub]:
        """The products in most top fives."""
        rows, products = self.build.head[0], self.build.products
        lists = int((rows[:, 0] >= 0).sum())
        counts = np.bincount(self._pairs[1], minlength=len(rows))
        most = np.lexsort((np.arange(len(counts)), -counts))[:_HUBS]
        most = most[counts[most] > 1]
        return [
            Hub(
                product_id=products.ids[row],
                title=products.title(row),
                lists=int(counts[row]),
                share=round(int(counts[row]) / lists, 6),
            )
            for row in most.tolist()
        ]

    @cached_property
    def _issues(self) -> dict[Issue, Mask]:
        """(n,) products with each issue."""
        n = len(self.build.targets)
        source, _, _ = self._pairs
        answers = (self.build.targets >= 0).sum(axis=1)
        found: dict[Issue, Mask] = {
            "no_recommendations": answers == 0,
            "few_recommendations": (answers > 0) & (answers < HEAD),
            "fallback_only": self._is_fallback_only,
            "look_alikes": np.bincount(source[self._look_alikes], minlength=n) >= _LOOK_ALIKES,
        }
        if self.build.counted:
            supported = np.bincount(source[self._strengths[1] > 1], minlength=n) > 0
            found["weak_evidence"] = (answers > 0) & ~self._is_fallback_only & ~supported
        return found

    def issues(self) -> dict[Issue, int]:
        """Number of products with each issue."""
        return {name: int(mask.sum()) for name, mask in self._issues.items()}

    def _issues_of(self, row: int) -> list[Issue]:
        return [name for name in _ISSUES if name in self._issues and self._issues[name][row]]

    def weak_products(self) -> list[WeakProduct]:
        """The most purchased products with an issue."""
        has_issue = np.logical_or.reduce(list(self._issues.values()))
        rows = np.flatnonzero(has_issue)
        purchases = np.rint(self.build.purchases[rows]).astype(np.int64)
        order = np.lexsort((rows, -purchases))[:_WEAK_PRODUCTS]
        rows, purchases = rows[order], purchases[order]
        counts = (self.build.targets[rows] >= 0).sum(axis=1)
        products = self.build.products
        return [
            WeakProduct(
                product_id=products.ids[row],
                title=products.title(row),
                type=products.type(row),
                purchases=int(purchases[i]),
                recommendations=int(counts[i]),
                issues=self._issues_of(row),
            )
            for i, row in enumerate(rows.tolist())
        ]


def _share(mask: Mask) -> float:
    return round(float(mask.mean()), 6) if len(mask) else 0.0
