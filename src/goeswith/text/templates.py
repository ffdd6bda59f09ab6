"""Explanations without a language model: one sentence for a shopper, from evidence and catalogue.

A template quotes no title. It states counts, the shop's own names of types and brands, and at most
three words that the titles of the two products share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from goeswith.text.claims import NO_EVIDENCE_SENTENCE, unsupported_claims
from goeswith.text.evidence_text import contexts_phrase
from goeswith.text.explanation import ProductPair
from goeswith.text.hostile_text import find_hostile, remove_hostile
from goeswith.text.product_text import clean_text
from goeswith.text.product_words import ProductWords
from goeswith.text.word_lists import FRAME, NEGATIONS, PERSONS, READER, words

if TYPE_CHECKING:
    from goeswith.store.evidence import Evidence

_MAX_SHARED_WORDS: Final = 3
_MAX_NAME_LENGTH: Final = 60  # characters of a type or brand; what is longer is no name
_MAX_TITLE_LENGTH: Final = 300  # characters of a title
_EMPTY: Final = FRAME | PERSONS | READER | NEGATIONS


def template_sentence(pair: ProductPair) -> str:
    """The sentence for a pair; the same pair has the same sentence.

    Args:
        pair: with its evidence, or with the texts of its products alone.
    """
    lead = _purchase_phrase(pair, pair.evidence) if pair.evidence is not None else ""
    fact = _brand(pair) or _shared_words(pair, name=bool(lead)) or ("" if lead else _type(pair))
    if not lead:
        return f"They both are {fact}." if fact else NO_EVIDENCE_SENTENCE
    return f"{lead}, and both are {fact}." if fact else f"{lead}."


def evidence_counts(evidence: Evidence | None) -> list[int]:
    """Every count of the evidence: the numbers that a sentence may contain."""
    if evidence is None:
        return []
    counts = [evidence.bought_together, evidence.viewed_together, evidence.purchases]
    optional = (evidence.source_first, evidence.target_first, evidence.customers)
    counts += [count for count in optional if count is not None]
    if evidence.types is not None:
        counts.append(evidence.types.bought_together)
    if evidence.link is not None:
        counts += [evidence.link.with_source, evidence.link.with_target]
    return counts


def _purchase_phrase(pair: ProductPair, evidence: Evidence) -> str:
    """A phrase about purchases; empty without any."""
    counted, link = evidence.counted, evidence.link
    kind = safe_name(link.type) if link is not None else ""
    of_type = f" of type {kind}" if kind else ""
    source, target = (safe_name(side.get("type")) for side in (pair.source, pair.target))
    together = contexts_phrase(evidence.bought_together, evidence.unit)
    phrase = {
        "bought_together": f"Bought together {together}"
        if counted
        else "Listed as bought together",
        "bought_before": "Customers who bought this also bought the other",
        "linked": f"Both are bought with one other product{of_type}",
        "viewed_together": "Viewed as one or the other",
    }.get(evidence.basis, "")
    if evidence.basis == "alike" and link is not None:
        often = f" {contexts_phrase(link.with_target, evidence.unit)}" if counted else ""
        phrase = f"Bought{often} with another product" + (f" of type {source}" if source else "")
    elif evidence.basis == "types" and source and target:
        often = _times(evidence.types.bought_together) if counted and evidence.types else ""
        phrase = f"Products of type {target} are bought with products of type {source} {often}"
    elif evidence.basis == "popular":
        phrase = f"Bought {contexts_phrase(evidence.purchases, evidence.unit)}" if counted else ""
    return phrase.strip()


def _brand(pair: ProductPair) -> str:
    brands = [safe_name(side.get("brand")) for side in (pair.source, pair.target)]
    return f"by {brands[0]}" if brands[0] and brands[0].lower() == brands[1].lower() else ""


def _type(pair: ProductPair) -> str:
    kinds = [safe_name(side.get("type")) for side in (pair.source, pair.target)]
    return f"of type {kinds[0]}" if kinds[0] and kinds[0] == kinds[1] else ""


def _shared_words(pair: ProductPair, *, name: bool) -> str:
    """The longest run of words that two titles share, as written in the second.

    Args:
        pair: whose titles.
        name: whether it has to look like a name: of two words or more, or with a digit.
    """
    source, target = (_title_words(side) for side in (pair.source, pair.target))
    source_runs = {
        tuple(word.lower() for word in source[i : i + size])
        for size in range(1, _MAX_SHARED_WORDS + 1)
        for i in range(len(source) - size + 1)
    }
    for size in range(_MAX_SHARED_WORDS, 0, -1):
        for i in range(len(target) - size + 1):
            run = target[i : i + size]
            has_content = all(word.lower() not in _EMPTY and len(word) > 2 for word in run)
            without_letters = not any(any(c.isalpha() for c in word) for word in run)
            as_name = size > 1 or any(character.isdigit() for character in run[0])
            if not has_content or without_letters or (name and not as_name):
                continue
            if tuple(word.lower() for word in run) in source_runs:
                text = f"related to {' '.join(run)}"
                if _is_supported(text, pair):
                    return text
    return ""


def _is_supported(text: str, pair: ProductPair) -> bool:
    sides = ProductWords(pair.source), ProductWords(pair.target)
    return not unsupported_claims(f"They both are {text}.", *sides)


def _title_words(record: Mapping[str, Any]) -> list[str]:
    return words(remove_hostile(clean_text(record.get("title"), _MAX_TITLE_LENGTH)))


def safe_name(value: object) -> str:
    """A type or brand for use in a sentence; empty if it is too long or hostile."""
    name = clean_text(value, _MAX_NAME_LENGTH + 1)
    unsafe = (
        len(name) > _MAX_NAME_LENGTH
        or len(name.split()) > 8
        or not words(name)
        or find_hostile(name)
    )
    return "" if unsafe else name


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
