"""The health of an opened bundle: of its build, and what depends on rules and live facts."""

from __future__ import annotations

import time
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from goeswith.health.build_health import measure_build, stored_health
from goeswith.health.health_report import HealthReport, RulesInUse, RuleUse
from goeswith.health.notices import health_notices
from goeswith.rules.rule_run import RuleRun

if TYPE_CHECKING:
    from goeswith.health.health_report import BuildHealth
    from goeswith.query.context import QueryContext
    from goeswith.rules.rule_index import RuleIndex

_TRIED: Final = 1000
"""Products of which it is looked at which rules change their recommendations."""
_SHOWN: Final = 10
"""Recommendations of each."""
_SILENT: Final = 200


class HealthReader:
    """The health of one bundle; what does not change is computed once."""

    def __init__(self, bundle: QueryContext) -> None:
        self._bundle = bundle
        self._rules: tuple[int, RulesInUse] | None = None

    @cached_property
    def build(self) -> BuildHealth:
        """What the build holds; computed where it is of an earlier version.

        Raises:
            BundleError: the stored file is damaged.
        """
        bundle = self._bundle
        stored = stored_health(bundle.folder, bundle.manifest["files"])
        return stored or measure_build(bundle.folder, bundle.models, None)

    def report(self) -> HealthReport:
        """The health as of now.

        Raises:
            BundleError: as `build`.
        """
        bundle, build = self._bundle, self.build
        bundle.refresh()
        rules = self._rules_in_use()
        changes = build.changes
        if changes is not None and bundle.rules.index is not None:
            products = [
                product.model_copy(update={"rules": self._rules_of(product.product_id)})
                for product in changes.products
            ]
            changes = changes.model_copy(update={"products": products})
        unavailable = bundle.live.state()["unavailable"]
        return HealthReport(
            **dict(build) | {"changes": changes},
            bundle=bundle.id,
            created=str(bundle.manifest["created"]),
            rules=rules,
            unavailable=unavailable,
            notices=health_notices(build, rules, bundle.rules.problems),
        )

    def _rules_in_use(self) -> RulesInUse:
        bundle = self._bundle
        index = bundle.rules.index
        if index is None:
            return RulesInUse(rules=0, tried=0, firing=[], silent=[])
        version = bundle.rules.version
        if self._rules is None or self._rules[0] != version:
            used = Counter(
                rule for row in self._sample for rule in _rules_that_change(bundle, index, row)
            )
            now = time.time()
            ids = [rule.rule.id for rule in index.rules if rule.applies(None, now)]
            result = RulesInUse(
                rules=len(index.rules),
                tried=len(self._sample),
                firing=[RuleUse(rule=rule, products=n) for rule, n in used.most_common()],
                silent=[rule for rule in ids if rule not in used][:_SILENT],
            )
            self._rules = version, result
        return self._rules[1]

    @cached_property
    def _sample(self) -> list[int]:
        """The most purchased products, and others in equal steps."""
        purchases = self._bundle.evidence.purchases
        n = len(purchases)
        most = np.argsort(-purchases, kind="stable")[: _TRIED // 2]
        steps = np.linspace(0, n - 1, min(n, _TRIED // 2)).astype(np.int64)
        return np.unique(np.concatenate([most, steps])).tolist() if n else []

    def _rules_of(self, product_id: str) -> list[str]:
        bundle = self._bundle
        row, index = bundle.products.find(product_id), bundle.rules.index
        return [] if row is None or index is None else _rules_that_change(bundle, index, row)


def _rules_that_change(bundle: QueryContext, index: RuleIndex, row: int) -> list[str]:
    """Ids of the rules that change the first recommendations of a product in no market."""
    run = RuleRun(index, [row], None, time.time())
    targets, _, _ = bundle.top_k_lists.for_product(row, bundle.k)
    available = bundle.live.available(targets)
    rows = targets if available is None else targets[available]
    outcome = run.apply(rows, np.zeros(len(rows), dtype=np.int32))
    pins = [pin.rule for pin in run.pins]
    return list(dict.fromkeys([*pins, *outcome.applied(rows, _SHOWN)]))
