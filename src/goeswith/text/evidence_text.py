"""One plain sentence about a pair, from its evidence alone."""

from __future__ import annotations

from goeswith.store.evidence import Evidence, Link, TypePairCount
from goeswith.store.product_lookup import display_name


def substitute_text(source: str, evidence: Evidence, kind: str | None, score: float) -> str:
    """The sentence for a substitute.

    Args:
        source: display name of the queried product.
        evidence: of the answer.
        kind: the type of both, None where they have none in common.
        score: cosine of their attributes, where they are what the answer rests on.
    """
    if evidence.basis == "attributes":
        same = f"Of the same type, {kind}, and" if kind else "It is"
        text = f"{same} alike in attributes: {round(100 * score)} % as {source}"
    elif evidence.counted:
        text = f"Viewed {_times(evidence.viewed_together)} as an alternative to {source}"
    else:
        text = f"Listed as viewed with {source}"
    if evidence.bought_together:
        often = _times(evidence.bought_together) if evidence.counted else "in lists"
        text += f"; also bought with it {often}"
    return text + "."


def reverse_text(target: str, evidence: Evidence) -> str:
    """The sentence for a product that another goes with.

    Args:
        target: display name of the queried product.
        evidence: of the pair of the recommended product (source) and the queried one (target).
    """
    if evidence.basis == "bought_together":
        text = _bought_together_text(target, evidence, first="this")
    elif evidence.basis == "bought_before":
        text = f"This is bought by those who buy {target}; the other way round is not recorded"
    elif evidence.basis == "linked" and evidence.link is not None:
        text = _link_text("this", evidence.link, evidence.counted, target)
    elif evidence.basis == "alike" and evidence.link is not None:
        link = _link_name(evidence.link)
        bought = "was bought" if evidence.counted else "is listed as bought"
        often = f" {_times(evidence.link.with_target)}" if evidence.counted else ""
        text = f"{target} {bought}{often} with {link}, which is of the same type as this"
    elif evidence.basis == "types" and evidence.types is not None:
        text = _type_pair_text(evidence.types, evidence.counted)
    elif evidence.basis == "popular":
        seen = "was bought" if evidence.counted else "is listed"
        text = f"{target} {seen} {_times(evidence.purchases)}; nothing closer links it to this"
    else:
        text = f"No purchase links {target} to this: the model alone proposes it"
    return text + _viewed_text(evidence) + "."


def comparison_text(
    relation: str, names: tuple[str, str], evidence: Evidence, *, variants: bool
) -> str:
    """The sentence for two products side by side.

    Args:
        relation: of the second to the first; see `compare.Compared`.
        names: what to call the two.
        evidence: of the second as an answer to the first.
        variants: whether they are one product in two sizes or colours.
    """
    source, target = names
    if relation == "substitute":
        if variants:
            return f"{source} and {target} are variants of one product."
        often = f" {_times(evidence.viewed_together)}" if evidence.counted else ""
        return f"{source} and {target} stand for one another: viewed as alternatives{often}."
    return {
        "complement": f"{target} goes with {source}, and not the other way round.",
        "reverse": f"{source} goes with {target}, and not the other way round.",
        "mutual": f"{source} and {target} go with one another.",
    }.get(relation, f"Nothing is known to link {source} and {target}.")


def complement_text(source: str, evidence: Evidence) -> str:
    """The sentence for an answer.

    Args:
        source: display name of the queried product.
        evidence: of the answer, which the sentence calls "this".
    """
    if evidence.basis == "bought_together":
        text = _bought_together_text(source, evidence)
    elif evidence.basis == "bought_before":
        text = f"{source} is bought by those who buy this; the other way round is not recorded"
    elif evidence.basis == "linked" and evidence.link is not None:
        text = _link_text(source, evidence.link, evidence.counted)
    elif evidence.basis == "alike" and evidence.link is not None:
        bought = _bought_with(evidence.link.with_target, evidence.counted)
        text = f"{bought} {_link_name(evidence.link)}, which is of the same type as {source}"
    elif evidence.basis == "types" and evidence.types is not None:
        text = _type_pair_text(evidence.types, evidence.counted)
    elif evidence.basis == "popular":
        seen = "Bought" if evidence.counted else "Listed"
        text = f"{seen} {_times(evidence.purchases)}; nothing closer links it to {source}"
    else:
        text = f"No purchase links it to {source}: the model alone proposes it"
    return text + _viewed_text(evidence) + "."


def next_text(source: str, followed: int) -> str:
    """The sentence for what a session model proposes.

    Args:
        source: what to call the product of the session that it came after.
        followed: how often it did; 0 for never.
    """
    if not followed:
        return f"Others are not recorded to have gone on to it from {source}: the model's guess."
    return f"Looked at or bought soon after {source} by others, {_times(followed)}."


def _bought_together_text(other: str, evidence: Evidence, first: str | None = None) -> str:
    text = f"{_bought_with(evidence.bought_together, evidence.counted)} {other}"
    if evidence.lift is not None:
        text += f", {evidence.lift:,.1f} times what chance would give"
    if evidence.source_first:
        text += f"; {first or other} first in {evidence.source_first:,}"
    return text


def _type_pair_text(flow: TypePairCount, counted: bool) -> str:
    if counted:
        return (
            f"Products of type {flow.target} were bought with products of type {flow.source} "
            f"{_times(flow.bought_together)}"
        )
    return (
        f"{_pairs(flow.bought_together)} of a {flow.source} with a {flow.target} "
        "are listed as bought together"
    )


def _link_text(source: str, link: Link, counted: bool, target: str = "this") -> str:
    middle = _link_name(link)
    if counted:
        return (
            f"{middle} was bought with {source} {_times(link.with_source)}, "
            f"and {target} with {middle} {_times(link.with_target)}"
        )
    return f"{middle} is listed as bought with {source}, and {target} as bought with {middle}"


def _viewed_text(evidence: Evidence) -> str:
    if not evidence.viewed_together:
        return ""
    often = f" {_times(evidence.viewed_together)}" if evidence.counted else ""
    return f"; also viewed as an alternative{often}"


def _link_name(link: Link) -> str:
    return display_name(link.product_id, link.title, link.type)


def _bought_with(count: int, counted: bool) -> str:
    return f"Bought {_times(count)} with" if counted else "Listed as bought with"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count:,} pairs"
