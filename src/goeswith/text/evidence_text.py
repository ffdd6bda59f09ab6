"""One short sentence about a pair of products, from its evidence alone."""

from __future__ import annotations

from typing import Final

from goeswith.store.evidence import ContextUnit, Evidence, Link, TypePairCount
from goeswith.store.product_lookup import display_name

MIN_ORDERED_CONTEXTS: Final = 5
"""Contexts with an order that a pair needs before a sentence mentions it."""

_POPULARITY_MODELS: Final = frozenset({"popularity", "type_popularity"})
_KNOWLEDGE_MODELS: Final = frozenset({"kinds", "knowledge_ranker"})
"""Models that rank by general knowledge."""
_UNIT_PHRASES: Final = {
    "baskets": ("in", "basket"),
    "sessions": ("in", "session"),
    "users": ("by", "user"),
}


def complement_text(
    source: str, evidence: Evidence, model: str | None = None, *, has_knowledge: bool = False
) -> str:
    """The sentence for a complement.

    Args:
        source: display name of the queried product.
        evidence: of the pair; the sentence calls the recommended product "this product".
        model: the model that recommends it, as in `Recommendation.model`; None if unknown.
        has_knowledge: whether a sentence of general knowledge follows, which is the reason then.
    """
    if has_knowledge and evidence.basis in {"popular", "model"}:
        name = (model or "").split(":")[0]
        if name in _KNOWLEDGE_MODELS:
            return f"No direct evidence for {source}."
    return _pair_text(source, evidence, model, is_reverse=False)


def reverse_text(target: str, evidence: Evidence, model: str | None = None) -> str:
    """The sentence for a product that another one is recommended for.

    Args:
        target: display name of the queried product.
        evidence: of the pair of the listed product (source), which the sentence calls "this
            product", and the queried one (target).
        model: the model that recommends the target for the source; None if unknown.
    """
    return _pair_text(target, evidence, model, is_reverse=True)


def substitute_text(source: str, evidence: Evidence, score: float) -> str:
    """The sentence for a substitute.

    Args:
        source: display name of the queried product.
        evidence: of the pair.
        score: cosine of their attributes, where the recommendation rests on them.
    """
    if evidence.basis == "attributes":
        text = f"{round(100 * score)} % similar to {source} (title and attributes)"
    elif evidence.counted:
        text = f"Viewed {_times(evidence.viewed_together)} as an alternative to {source}"
    else:
        text = f"Listed as viewed together with {source}"
    if evidence.bought_together:
        listed = "listed as bought together"
        counted = f"bought together {contexts_phrase(evidence.bought_together, evidence.unit)}"
        text += f"; also {counted if evidence.counted else listed}"
    return text + "."


def comparison_text(
    relation: str, names: tuple[str, str], evidence: Evidence, *, variants: bool
) -> str:
    """The sentence for two products side by side.

    Args:
        relation: of the second to the first; see `compare.ComparisonRelation`.
        names: display names of the two.
        evidence: of the second as a recommendation for the first.
        variants: whether they are one product in two sizes or colours.
    """
    source, target = names
    if relation == "substitute":
        if variants:
            return f"{source} and {target} are variants of one product."
        if not evidence.viewed_together:
            return (
                f"{source} and {target} are not recommended together: their product kinds are "
                "alternatives or exclude each other."
            )
        often = f" {_times(evidence.viewed_together)}" if evidence.counted else ""
        return f"{source} and {target} are alternatives: viewed together{often}."
    return {
        "complement": f"{target} is a complement of {source}, but not the reverse.",
        "reverse": f"{source} is a complement of {target}, but not the reverse.",
        "mutual": f"{source} and {target} are complements of each other.",
    }.get(relation, f"No evidence links {source} and {target}.")


def next_text(source: str, followed: int) -> str:
    """The sentence for a product that the session model proposes.

    Args:
        source: display name of the product of the session that it came after.
        followed: how often it did; 0 for never.
    """
    if not followed:
        return f"Predicted by the session model; no recorded session has it soon after {source}."
    return f"Viewed or bought soon after {source}: {_times(followed)}."


def contexts_phrase(count: int, unit: ContextUnit | None) -> str:
    """`in 240 baskets`, `by 1 user`; `240 times` where the unit is unknown."""
    if unit is None:
        return _times(count)
    before, one = _UNIT_PHRASES[unit]
    return f"{before} {count:,} {one}{'' if count == 1 else 's'}"


def _pair_text(other: str, evidence: Evidence, model: str | None, *, is_reverse: bool) -> str:
    """The sentence that a list shows for one of two products.

    Args:
        other: display name of the queried product.
        evidence: of the pair.
        model: the model that recommends it.
        is_reverse: whether the queried product is the target of the pair.
    """
    source, target = ("this product", other) if is_reverse else (other, "this product")
    if evidence.basis == "bought_together":
        customers = evidence.customers
        together = _together(evidence.bought_together, evidence, other, customers)
        text = f"{together}{_lift_text(evidence.lift)}{_order_text(source, evidence)}"
    elif evidence.basis == "bought_before":
        text = f"Recorded in the reverse direction only: {source} with {target}"
    elif evidence.basis == "linked" and evidence.link is not None:
        text = _link_text((source, target), evidence.link, evidence)
    elif evidence.basis == "alike" and evidence.link is not None:
        text = _same_type_text(source, other, evidence.link, evidence)
    elif evidence.basis == "types" and evidence.types is not None:
        text = _type_pair_text(evidence.types, counted=evidence.counted)
    else:
        text = _no_evidence_text(other, evidence, model, is_reverse=is_reverse)
    return f"{text}{_viewed_text(evidence)}."


def _order_text(source: str, evidence: Evidence) -> str:
    """`; X first in 43 of 45 with an order`, if it was first in most of enough contexts.

    `; X first in 43` where all contexts have an order.
    """
    first = evidence.source_first or 0
    ordered = first + (evidence.target_first or 0)
    if ordered < MIN_ORDERED_CONTEXTS or 2 * first <= ordered:
        return ""
    rest = f" of {ordered:,} with an order" if ordered < evidence.bought_together else ""
    return f"; {source} first in {first:,}{rest}"


def _together(count: int, evidence: Evidence, other: str, customers: int | None = None) -> str:
    """`In 240 baskets of 180 customers with X`, or what is true of other units and of lists."""
    if not evidence.counted:
        text = "Listed as bought together"
    elif evidence.unit == "baskets":
        text = contexts_phrase(count, "baskets").capitalize()
    else:
        text = f"Bought {contexts_phrase(count, evidence.unit)}"
    if evidence.counted and customers is not None:
        text += f" of {_customers(customers)}"
    return f"{text} with {other}"


def _lift_text(lift: float | None) -> str:
    if lift is None:
        return ""
    if lift >= 1.05:
        return f": {lift:,.1f}x more often than by chance"
    if lift >= 0.95:
        return ": as often as by chance"
    return f": {lift:.2g}x as often as by chance"


def _link_text(names: tuple[str, str], link: Link, evidence: Evidence) -> str:
    middle = _link_name(link)
    if not evidence.counted:
        return f"Linked by {middle}: listed as bought with {names[0]} and with {names[1]}"
    counts = (link.with_source, link.with_target)
    first, second = (
        f"{contexts_phrase(count, evidence.unit)} with {name}"
        for count, name in zip(counts, names, strict=True)
    )
    return f"Linked by {middle}: bought {first}, {second}"


def _same_type_text(source: str, other: str, link: Link, evidence: Evidence) -> str:
    """The sentence where a product of the source's type was bought with the target."""
    middle = _link_name(link)
    if source != other:  # the queried product is the target
        together = _together(link.with_target, evidence, middle)
        return f"{other}: {together[:1].lower()}{together[1:]}, of the same type as {source}"
    if middle == source:
        return _together(
            link.with_target, evidence, f"another product of the same name and type as {source}"
        )
    return f"{_together(link.with_target, evidence, middle)}, of the same type as {source}"


def _type_pair_text(pair: TypePairCount, *, counted: bool) -> str:
    types = f"Product types {pair.source} and {pair.target}"
    if counted:
        return f"{types}: bought together {_times(pair.bought_together)}"
    return f"{types}: {_pairs(pair.bought_together)} listed as bought together"


def _no_evidence_text(
    other: str, evidence: Evidence, model: str | None, *, is_reverse: bool
) -> str:
    """The sentence for a pair that only its popularity, the model or the request supports."""
    text = f"No direct evidence for {other}; "
    name = model.split(":")[0] if model else ""
    if name == "pinned":
        return f"{text}pinned by the request"
    if name == "similar_complements":
        return f"{text}recommended for similar products"
    if name == "zero_shot":
        return f"{text}recommended by what goes together in other shops"
    if evidence.basis != "popular" or (name and name not in _POPULARITY_MODELS):
        return f"{text}proposed by {f'the model {name}' if name else 'the model alone'}"
    often = f" ({contexts_phrase(evidence.purchases, evidence.unit)})" if evidence.counted else ""
    shown = "recommended" if is_reverse else "shown"
    return f"{text}{shown} because it is popular{often}"


def _viewed_text(evidence: Evidence) -> str:
    if not evidence.viewed_together:
        return ""
    often = f" {_times(evidence.viewed_together)}" if evidence.counted else ""
    return f"; also viewed as alternatives{often}"


def _link_name(link: Link) -> str:
    return display_name(link.product_id, link.title, link.type)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _customers(count: int) -> str:
    return "1 customer" if count == 1 else f"{count:,} customers"


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count:,} pairs"
