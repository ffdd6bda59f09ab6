"""What rules change: recommendations of some products before and after."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from goeswith.rules.rule_book import RuleBook

if TYPE_CHECKING:
    from goeswith.query.bundle import Bundle
    from goeswith.query.recommendation import Recommendation
    from goeswith.rules.rule import Rule
    from goeswith.rules.rule_index import RuleProblem

SAMPLE: Final = 50


@dataclass(frozen=True)
class RuleDifference:
    """One product before and after.

    Attributes:
        entered: ids that are new in the list.
        left: ids that are no more in it.
        rules: ids of the new rules that change the list.
    """

    product_id: str
    before: list[Recommendation]
    after: list[Recommendation]
    entered: list[str]
    left: list[str]
    rules: list[str]


@dataclass(frozen=True)
class RulePreview:
    """What rules change.

    Attributes:
        products: number of products that were tried.
        differences: those whose list changes.
        problems: what is wrong with the rules.
    """

    products: int
    differences: list[RuleDifference]
    problems: list[RuleProblem]


def with_rules(bundle: Bundle, rules: Sequence[Rule]) -> Bundle:
    """The same bundle with other rules; shares everything else."""
    other = copy.copy(bundle)
    other.rules = RuleBook(bundle.live, bundle)
    other.rules.use(rules, bundle)
    return other


def preview_rules(
    bundle: Bundle,
    before: Sequence[Rule],
    after: Sequence[Rule],
    product_ids: Sequence[str] = (),
    k: int = 10,
) -> RulePreview:
    """Compare two sets of rules.

    Args:
        bundle: whose recommendations.
        before: the rules that there are.
        after: the rules to try.
        product_ids: products to try; empty: sources that the changed rules name, then a sample.
        k: recommendations per product, at most what the bundle stores.

    Raises:
        UnknownProductError: a product is not in the catalogue.
    """
    k = min(k, bundle.k)
    old, new = with_rules(bundle, before), with_rules(bundle, after)
    tried = list(product_ids) or _sample(bundle, [r for r in after if r not in before])
    differences = []
    for product_id in tried:
        first, then = old.complements(product_id, k), new.complements(product_id, k)
        ids = [one.product_id for one in first]
        new_ids = [one.product_id for one in then]
        if ids != new_ids:
            differences.append(
                RuleDifference(
                    product_id,
                    first,
                    then,
                    [i for i in new_ids if i not in ids],
                    [i for i in ids if i not in new_ids],
                    then.rules,
                )
            )
    return RulePreview(len(tried), differences, new.rules.problems)


def _sample(bundle: Bundle, rules: Sequence[Rule]) -> list[str]:
    """Products that rules are about, and the first of the catalogue in steps."""
    products, n = bundle.products, len(bundle)
    rows: dict[int, None] = {}
    for rule in rules:
        for product_id in rule.source.products[:SAMPLE]:
            row = products.find(product_id)
            if row is not None:
                rows[row] = None
        for name in rule.source.types[:SAMPLE]:
            code = products.type_code(name)
            if code >= 0:
                of_type = np.flatnonzero(products.type_codes == code)[: SAMPLE // 2]
                rows |= dict.fromkeys(of_type.tolist())
        for product_id in rule.target.products[:SAMPLE]:
            row = products.find(product_id)
            if row is not None and len(bundle.reverse_arrays):
                start, stop = bundle.reverse_arrays["indptr"][row : row + 2].tolist()
                sources = bundle.reverse_arrays["indices"][start : min(stop, start + SAMPLE // 2)]
                rows |= dict.fromkeys(sources.tolist())
    rows |= dict.fromkeys(np.unique(np.linspace(0, n - 1, min(SAMPLE, n)).astype(int)).tolist())
    shown = [row for row in rows if not bundle.live.is_deleted(row)]
    return [products.ids[row] for row in shown[: 2 * SAMPLE]]
