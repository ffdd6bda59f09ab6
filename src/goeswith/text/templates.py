"""Explanations without a language model: one sentence for a shopper, from evidence and catalogue.

It quotes no title. It says counts, the shop's own names of types and brands, and at most three
words that the titles of the two products share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from goeswith.text.claims import NOTHING, unsupported
from goeswith.text.explanation import Pair
from goeswith.text.hostile_text import hostile, without_hostile
from goeswith.text.product_text import clean_text
from goeswith.text.product_words import ProductWords
from goeswith.text.word_lists import FRAME, NEGATIONS, PERSONS, READER, words

if TYPE_CHECKING:
    from goeswith.store.evidence import Evidence

_SHARED: Final = 3
_NAME: Final = 60  # characters of a type or brand; what is longer is no name
_READ: Final = 300  # characters of a title
_EMPTY: Final = FRAME | PERSONS | READER | NEGATIONS


def template(pair: Pair) -> str:
    """The sentence for a pair; the same pair has the same sentence.

    Args:
        pair: with its evidence, or with the texts of its products alone.
    """
    lead = _lead(pair, pair.evidence) if pair.evidence is not None else ""
    fact = _brand(pair) or _words_shared(pair, name=bool(lead)) or ("" if lead else _type(pair))
    if not lead:
        return f"They both are {fact}." if fact else NOTHING
    return f"{lead}, and both are {fact}." if fact else f"{lead}."


def numbers_of(evidence: Evidence | None) -> list[int]:
    """Every count that evidence holds: what a sentence may say of numbers."""
    if evidence is None:
        return []
    found = [evidence.bought_together, evidence.viewed_together, evidence.purchases]
    if evidence.source_first is not None:
        found.append(evidence.source_first)
    if evidence.types is not None:
        found.append(evidence.types.bought_together)
    if evidence.link is not None:
        found += [evidence.link.with_source, evidence.link.with_target]
    return found


def _lead(pair: Pair, evidence: Evidence) -> str:
    """What purchases say; empty where they say nothing."""
    counted, link = evidence.counted, evidence.link
    kind = trusted_name(link.type) if link is not None else ""
    of_type = f" of type {kind}" if kind else ""
    source, target = (trusted_name(side.get("type")) for side in (pair.source, pair.target))
    said = {
        "bought_together": f"Bought together {_times(evidence.bought_together)}"
        if counted
        else "Listed as bought together",
        "bought_before": "Customers who bought this also bought the other",
        "linked": f"Both are bought with one other product{of_type}",
        "viewed_together": "Viewed as one or the other",
    }.get(evidence.basis, "")
    if evidence.basis == "alike" and link is not None:
        often = f" {_times(link.with_target)}" if counted else ""
        said = f"Bought{often} with another product" + (f" of type {source}" if source else "")
    elif evidence.basis == "types" and source and target:
        often = _times(evidence.types.bought_together) if counted and evidence.types else ""
        said = f"Products of type {target} are bought with products of type {source} {often}"
    elif evidence.basis == "popular":
        said = f"Bought by customers {_times(evidence.purchases)}" if counted else ""
    return said.strip()


def _brand(pair: Pair) -> str:
    brands = [trusted_name(side.get("brand")) for side in (pair.source, pair.target)]
    return f"by {brands[0]}" if brands[0] and brands[0].lower() == brands[1].lower() else ""


def _type(pair: Pair) -> str:
    kinds = [trusted_name(side.get("type")) for side in (pair.source, pair.target)]
    return f"of type {kinds[0]}" if kinds[0] and kinds[0] == kinds[1] else ""


def _words_shared(pair: Pair, *, name: bool) -> str:
    """The longest run of words that two titles share, as it stands in the second.

    Args:
        pair: whose titles.
        name: whether it has to look like a name: of two words or more, or with a digit.
    """
    source, target = (_title_words(side) for side in (pair.source, pair.target))
    known = {
        tuple(word.lower() for word in source[i : i + size])
        for size in range(1, _SHARED + 1)
        for i in range(len(source) - size + 1)
    }
    for size in range(_SHARED, 0, -1):
        for i in range(len(target) - size + 1):
            run = target[i : i + size]
            told = all(word.lower() not in _EMPTY and len(word) > 2 for word in run)
            bare = not any(any(c.isalpha() for c in word) for word in run)
            as_name = size > 1 or any(character.isdigit() for character in run[0])
            if not told or bare or (name and not as_name):
                continue
            if tuple(word.lower() for word in run) in known:
                text = f"related to {' '.join(run)}"
                if _stands(text, pair):
                    return text
    return ""


def _stands(text: str, pair: Pair) -> bool:
    sides = ProductWords(pair.source), ProductWords(pair.target)
    return not unsupported(f"They both are {text}.", *sides)


def _title_words(record: Mapping[str, Any]) -> list[str]:
    return words(without_hostile(clean_text(record.get("title"), _READ)))


def trusted_name(value: object) -> str:
    """A type or brand as a sentence may say it; empty where it is too long or hostile."""
    name = clean_text(value, _NAME + 1)
    odd = len(name) > _NAME or len(name.split()) > 8 or not words(name) or hostile(name)
    return "" if odd else name


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
