"""What a sentence about two products claims, and what of it the data do not hold.

A generated explanation is shown only if this module reports no unsupported claim. The rule is
closed: a word makes no claim (`word_lists.FRAME`), or a product's own text contains it, or it is
unsupported. So an unsupported brand, number, size, name or use is refused without a list of all of
them, and no instruction has an allowed form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from goeswith.text.hostile_text import find_hostile
from goeswith.text.product_text import clean_text
from goeswith.text.product_words import ProductWords, is_name
from goeswith.text.word_lists import (
    EVERY,
    FRAME,
    NEGATIONS,
    OPENINGS,
    PERSONS,
    READER,
    as_number,
    measures,
    stem,
    words,
)

Kind: TypeAlias = Literal[
    "form",
    "link",
    "instruction",
    "praise",
    "echo",
    "number",
    "size",
    "brand",
    "name",
    "compatibility",
    "person",
    "statement",
    "use",
]

NO_EVIDENCE_SENTENCE: Final = "Proposed to go together."
"""The sentence for a pair without evidence and without shared words."""
MAX_EXPLANATION_LENGTH: Final = 200
"""Characters of an explanation."""
_ECHO_WORDS: Final = 7
_ODD_CHARACTER: Final = re.compile(r"[^\w\s,.'’/&+()%°\-]")
_SENTENCES: Final = re.compile(r"[.!?;:]\s+\S")
_FIT_PATTERN: Final = re.compile(
    r"(?i)\b(?:compatib\w+(?:\s+with)?|fit(?:s|ted|ting)?|works?\s+(?:with|on|in)|working\s+with|"
    r"plugs?\s+into|connect(?:s|ed|ing)?\s+(?:to|with)|attach\w*\s+to|replac(?:es?|ing|ements?)|"
    r"(?:made|designed|built|meant|suitable|suited)\s+for|for\s+use\s+with|supports?|mounts?\s+on)\b"
)
_GENDER_NEUTRAL: Final = {
    re.compile(r"(?i)\b(?:his/her|her/his|his|her)\b"): "their",
    re.compile(r"(?i)\b(?:he/she|she/he|he|she)\b"): "the person",
    re.compile(r"(?i)\b(?:him|him/her)\b"): "them",
    re.compile(r"(?i)\ba manner of\b"): "a kind of",
}
"""Gendered words in generated text -> neutral ones."""
_USE_PATTERN: Final = re.compile(
    r"(?i)\b(?:(?:can|could|may|might)\s+)?(?:are\s+|is\s+)?(?P<both>both\s+)?(?:be\s+)?"
    r"used\s+(?:for|as|in|with|on)\s+(?P<said>[^,.]+)"
)
_RELATED_PATTERN: Final = re.compile(r"(?i)\brelated\s+to\s+(?P<said>[^,.]+)")
_IS_PATTERN: Final = re.compile(
    r"(?i)\b(?P<verb>are|is)\s+(?P<both>both\s+)?(?:an?\s+|the\s+)?"
    r"(?P<kind>(?:type|kind|sort|form|manner)s?\s+of\s+)?(?:an?\s+|the\s+)?(?P<said>[^,.]+)"
)


@dataclass(frozen=True)
class Claim:
    """An unsupported claim of an explanation.

    Attributes:
        kind: what it is about.
        text: its words.
    """

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def unsupported_claims(
    text: str,
    source: ProductWords,
    target: ProductWords,
    numbers: Iterable[int] = (),
    brands: frozenset[str] = frozenset(),
    *,
    count_unit: str | None = None,
) -> list[Claim]:
    """The claims of a sentence that neither product texts nor evidence support.

    Args:
        text: one sentence, as `tidy` leaves it.
        source: the queried product.
        target: the answer.
        numbers: counts that the evidence holds.
        brands: of the catalogue, in lower case, to report brands as such.
        count_unit: what the counts are of besides times, such as `baskets`; None if unknown.

    Returns:
        Nothing where all of it is held.
    """
    if text == NO_EVIDENCE_SENTENCE:
        return []
    claims = [
        *_form_claims(text),
        *(Claim(kind, sentence_words) for kind, sentence_words in _hostile_claims(text)),
    ]
    claims += _echo_claims(text, source, target)
    every = bool({word.lower() for word in words(text)} & EVERY)
    sides = (source, target)
    test = all if every else any
    counts = {str(number) for number in numbers}
    sizes, rest = measures(text)
    for amount, unit in sorted(sizes):
        is_count = unit in {"times", count_unit} and amount in counts
        if not is_count and not test((amount, unit) in side.measures for side in sides):
            claims.append(Claim("size", f"{amount} {unit}"))
    sentence_words = words(rest)
    match = _FIT_PATTERN.search(text)  # whose words are claimed together, by `_unsupported_fits`
    fits = {word.lower() for word in words(match.group())} if match else set()
    content = 0
    for place, word in enumerate(sentence_words):
        kind = _word_kind(word, sentence_words[:place], brands)
        if kind is None or word.lower() in fits:
            continue
        content += 1
        number = as_number(word)
        if number is not None and (number in counts or test(number in s.numbers for s in sides)):
            continue
        if number is None and kind != "instruction" and test(side.contains(word) for side in sides):
            continue
        claims.append(Claim(kind, word))
    claims += _false_same(sentence_words, source, target)
    claims += _unsupported_fits(text, source, target, every=every)
    if not claims:  # every word is supported, but the statement may not be
        claims += [
            Claim("statement", sentence_words)
            for sentence_words in _unsupported_predicates(text, source, target, fits)
        ]
        claims += _passing_words(text, source, target)
        claims += [Claim("use", use) for use in _unsupported_uses(text, source, target)]
    if not content and not sizes and not claims:
        claims.append(Claim("form", "it has no content"))
    return list(dict.fromkeys(claims))


def weaken(text: str, source: ProductWords, target: ProductWords) -> str:
    """Weaken unsupported statements about type or use to "related to".

    Words of both titles are neither a type, as in "a kind of Star Wars", nor a use. Supported
    statements do not change.
    """
    if _unsupported_uses(text, source, target):
        is_plural = words(text)[0].lower() in {"they", "these", "both", "products"}
        verb = "are" if is_plural else "is"
        text = _USE_PATTERN.sub(lambda m: f"{verb} {m['both'] or ''}related to {m['said']}", text)
    if not _unsupported_predicates(text, source, target, set()):
        return text
    return _IS_PATTERN.sub(
        lambda m: (
            f"{m['verb']} {m['both'] or ''}related to {m['said']}" if _predicate_words(m) else m[0]
        ),
        text,
    )


def _predicate_words(match: re.Match[str]) -> list[str]:
    """Words of a sentence for what a product is; none if it describes a use or a likeness."""
    predicate: list[str] = []
    for word in words(match["said"]):
        if word.lower() in FRAME:
            break
        predicate.append(word)
    return predicate


def _unsupported_predicates(
    text: str, source: ProductWords, target: ProductWords, ignored: set[str]
) -> list[str]:
    """Statements about what the two are that neither titles nor types support."""
    predicates = []
    for match in _IS_PATTERN.finditer(text):
        predicate = [word for word in _predicate_words(match) if word.lower() not in ignored]
        every = bool(match["both"]) or bool({w.lower() for w in words(text)} & EVERY)
        test = all if every else any
        if predicate and not test(stem(predicate[-1]) in side.heads for side in (source, target)):
            predicates.append(f"is {' '.join(predicate)}")
    return predicates


def _passing_words(text: str, source: ProductWords, target: ProductWords) -> list[Claim]:
    """A single word after "related to" that neither product is about."""
    match = _RELATED_PATTERN.search(text)
    related = [w for w in words(match["said"]) if w.lower() not in FRAME] if match else []
    if len(related) != 1 or as_number(related[0]) is not None:
        return []
    is_about = source.about(related[0]) or target.about(related[0])
    return [] if is_about else [Claim("statement", f"related to {related[0]}")]


def _unsupported_uses(text: str, source: ProductWords, target: ProductWords) -> list[str]:
    """Unsupported uses: the text must have "for", "fits" or "with" before them."""
    uses = []
    for match in _USE_PATTERN.finditer(text):
        claimed = {stem(word) for word in words(match["said"]) if word.lower() not in FRAME}
        every = bool({word.lower() for word in words(text)} & EVERY)
        test = all if every else any
        sides = ((source, target), (target, source))
        if claimed and not test(one.fits(claimed, other) for one, other in sides):
            uses.append(match["said"].strip())
    return uses


def tidy(text: str) -> str:
    """A generated text as a sentence: cleaned, gender-neutral, without `because`."""
    text = (
        clean_text(text, MAX_EXPLANATION_LENGTH + 100)
        .replace('"', "")
        .replace("“", "")
        .replace("”", "")
    )
    text = re.sub(r"(?i)^(?:it is |this is )?(?:because|since)\s+", "", text.strip()).strip()
    for gendered, neutral in _GENDER_NEUTRAL.items():
        text = gendered.sub(neutral, text)
    text = re.sub(r"\s+([,.])", r"\1", text).rstrip(" .,")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _form_claims(text: str) -> list[Claim]:
    first = (words(text) or [""])[0].lower()
    claims = []
    if not text or len(text) > MAX_EXPLANATION_LENGTH:
        claims.append(Claim("form", f"{len(text)} characters"))
    if odd := _ODD_CHARACTER.search(text):
        claims.append(Claim("form", odd.group()))
    if _SENTENCES.search(text):
        claims.append(Claim("form", "more than one sentence"))
    if first not in OPENINGS:
        claims.append(Claim("form", f"begins with {first[:30]!r}"))
    return claims


def _hostile_claims(text: str) -> list[tuple[Kind, str]]:
    kinds: dict[str, Kind] = {"link": "link", "instruction": "instruction", "praise": "praise"}
    return [(kinds[kind], phrase) for kind, phrase in find_hostile(text)]


def _echo_claims(text: str, source: ProductWords, target: ProductWords) -> list[Claim]:
    sentence_words = [word.lower() for word in words(re.sub(r"[-/.'’&+]", " ", text))]
    for side in (source, target):
        runs = {
            tuple(side.lower[i : i + _ECHO_WORDS]) for i in range(len(side.lower) - _ECHO_WORDS + 1)
        }
        for i in range(len(sentence_words) - _ECHO_WORDS + 1):
            if tuple(sentence_words[i : i + _ECHO_WORDS]) in runs:
                return [Claim("echo", " ".join(sentence_words[i : i + _ECHO_WORDS]))]
    return []


def _word_kind(word: str, before: list[str], brands: frozenset[str]) -> Kind | None:
    """What a word claims; None where it claims nothing."""
    lower = word.lower()
    counted = lower == "two" and bool(before) and before[-1].lower() not in {"the", "these"}
    if lower in FRAME and not counted:
        return None
    kinds: dict[Kind, bool] = {
        "instruction": lower in READER,
        "brand": lower in brands,
        "person": lower in PERSONS,
        "statement": lower in NEGATIONS,
        "number": as_number(word) is not None,
        "name": bool(before) and is_name(word),
    }
    return next((kind for kind, is_so in kinds.items() if is_so), "statement")


def _false_same(
    sentence_words: list[str], source: ProductWords, target: ProductWords
) -> list[Claim]:
    """Unsupported statements that the brand or type is the same."""
    for word, following in pairwise(word.lower() for word in sentence_words):
        if word != "same":
            continue
        if following == "brand":
            is_same = bool(source.brand) and source.brand == target.brand
        elif following in {"type", "kind", "category", "sort"}:
            is_same = bool(source.type) and source.type == target.type
        else:
            is_same = following not in FRAME  # a word that both must hold, which is checked above
        if not is_same:
            return [Claim("statement", f"same {following}")]
    return []


def _unsupported_fits(
    text: str, source: ProductWords, target: ProductWords, *, every: bool
) -> list[Claim]:
    match = _FIT_PATTERN.search(text)
    if match is None:
        return []
    rest = re.split(r"[,.]\s", text[match.end() :])[0]
    claimed = {stem(word) for word in words(rest) if word.lower() not in FRAME}
    fits = [source.fits(claimed, target), target.fits(claimed, source)]
    if all(fits) if every and claimed else any(fits):
        return []
    return [Claim("compatibility", f"{match.group()}{rest}".strip(" ."))]
