"""One plain sentence that says why, made from the evidence and nothing else."""

from __future__ import annotations

from goeswith.bundle.evidence import Evidence, Link
from goeswith.bundle.products import spoken_name


def why(source: str, evidence: Evidence) -> str:
    """The sentence for an answer.

    Args:
        source: what to call the product that was asked about.
        evidence: of the answer, which the sentence calls "this".
    """
    if evidence.basis == "bought_together":
        text = _bought_together(source, evidence)
    elif evidence.basis == "bought_before":
        text = f"{source} is bought by those who buy this; the other way round is not recorded"
    elif evidence.basis == "linked" and evidence.link is not None:
        text = _linked(source, evidence.link, evidence.counted)
    elif evidence.basis == "alike" and evidence.link is not None:
        text = f"{_with(evidence.link.with_target, evidence.counted)} {_name(evidence.link)}, "
        text += f"which is of the same type as {source}"
    elif evidence.basis == "types" and evidence.types is not None:
        flow = evidence.types
        text = (
            f"Products of type {flow.target} were bought with products of type {flow.source} "
            f"{_times(flow.bought_together)}"
            if evidence.counted
            else f"{_pairs(flow.bought_together)} of a {flow.source} with a {flow.target} "
            "are listed as bought together"
        )
    elif evidence.basis == "popular":
        seen = "Bought" if evidence.counted else "Listed"
        text = f"{seen} {_times(evidence.purchases)}; nothing closer links it to {source}"
    else:
        text = f"No purchase links it to {source}: the model alone proposes it"
    return text + _viewed(evidence) + "."


def _bought_together(source: str, evidence: Evidence) -> str:
    text = f"{_with(evidence.bought_together, evidence.counted)} {source}"
    if evidence.lift is not None:
        text += f", {evidence.lift:,.1f} times what chance would give"
    if evidence.source_first:
        text += f"; {source} first in {evidence.source_first:,}"
    return text


def _linked(source: str, link: Link, counted: bool) -> str:
    middle = _name(link)
    if counted:
        return (
            f"{middle} was bought with {source} {_times(link.with_source)}, "
            f"and this with {middle} {_times(link.with_target)}"
        )
    return f"{middle} is listed as bought with {source}, and this as bought with {middle}"


def _viewed(evidence: Evidence) -> str:
    if not evidence.viewed_together:
        return ""
    often = f" {_times(evidence.viewed_together)}" if evidence.counted else ""
    return f"; also viewed as an alternative{often}"


def _name(link: Link) -> str:
    return spoken_name(link.product_id, link.title, link.type)


def _with(count: int, counted: bool) -> str:
    return f"Bought {_times(count)} with" if counted else "Listed as bought with"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count:,} pairs"
