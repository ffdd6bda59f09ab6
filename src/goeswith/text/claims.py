"""What a sentence about two products claims, and what of it the data do not hold.

A generated explanation is shown only where nothing is found here. The rule is closed: a word
claims nothing (`words.FRAME`), or a product's own text holds it, or it is unsupported. So a brand,
number, size, name or use that the data do not hold is refused without a list of all of them, and an
instruction has no form in which it could be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from goeswith.text.hostile_text import hostile
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

NOTHING: Final = "Proposed to go together."
"""What is said of a pair of which neither purchases nor texts say anything."""
MOST: Final = 200
"""Characters of an explanation."""
_ECHO: Final = 7
_ODD: Final = re.compile(r"[^\w\s,.'’/&+()%°\-]")
_SENTENCES: Final = re.compile(r"[.!?;:]\s+\S")
_FITS: Final = re.compile(
    r"(?i)\b(?:compatib\w+(?:\s+with)?|fit(?:s|ted|ting)?|works?\s+(?:with|on|in)|working\s+with|"
    r"plugs?\s+into|connect(?:s|ed|ing)?\s+(?:to|with)|attach\w*\s+to|replac(?:es?|ing|ements?)|"
    r"(?:made|designed|built|meant|suitable|suited)\s+for|for\s+use\s+with|supports?|mounts?\s+on)\b"
)
_NEUTRAL: Final = {
    re.compile(r"(?i)\b(?:his/her|her/his|his|her)\b"): "their",
    re.compile(r"(?i)\b(?:he/she|she/he|he|she)\b"): "the person",
    re.compile(r"(?i)\b(?:him|him/her)\b"): "them",
    re.compile(r"(?i)\ba manner of\b"): "a kind of",
}
"""Nobody knows who buys: what is generated of him or her is said of them."""
_USED: Final = re.compile(
    r"(?i)\b(?:(?:can|could|may|might)\s+)?(?:are\s+|is\s+)?(?P<both>both\s+)?(?:be\s+)?"
    r"used\s+(?:for|as|in|with|on)\s+(?P<said>[^,.]+)"
)
_RELATED: Final = re.compile(r"(?i)\brelated\s+to\s+(?P<said>[^,.]+)")
_IS: Final = re.compile(
    r"(?i)\b(?P<verb>are|is)\s+(?P<both>both\s+)?(?:an?\s+|the\s+)?"
    r"(?P<kind>(?:type|kind|sort|form|manner)s?\s+of\s+)?(?:an?\s+|the\s+)?(?P<said>[^,.]+)"
)


@dataclass(frozen=True)
class Claim:
    """Something that an explanation says and that nothing holds.

    Attributes:
        kind: what it is about.
        text: its words.
    """

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def unsupported(
    text: str,
    source: ProductWords,
    target: ProductWords,
    numbers: Iterable[int] = (),
    brands: frozenset[str] = frozenset(),
) -> list[Claim]:
    """What a sentence says of two products that their texts and the evidence do not hold.

    Args:
        text: one sentence, as `tidy` leaves it.
        source: the product asked about.
        target: the answer.
        numbers: counts that the evidence holds.
        brands: of the catalogue, in lower case: they are told apart from other words.

    Returns:
        Nothing where all of it is held.
    """
    if text == NOTHING:
        return []
    found = [*_form(text), *(Claim(kind, said) for kind, said in _hostile(text))]
    found += _echo(text, source, target)
    every = bool({word.lower() for word in words(text)} & EVERY)
    sides = (source, target)
    test = all if every else any
    counts = {str(number) for number in numbers}
    sizes, rest = measures(text)
    for amount, unit in sorted(sizes):
        told = unit == "times" and amount in counts
        if not told and not test((amount, unit) in side.measures for side in sides):
            found.append(Claim("size", f"{amount} {unit}"))
    said = words(rest)
    match = _FITS.search(text)  # whose words are claimed together, by `_compatible`
    fits = {word.lower() for word in words(match.group())} if match else set()
    content = 0
    for place, word in enumerate(said):
        kind = _kind(word, said[:place], brands)
        if kind is None or word.lower() in fits:
            continue
        content += 1
        number = as_number(word)
        if number is not None and (number in counts or test(number in s.numbers for s in sides)):
            continue
        if number is None and kind != "instruction" and test(side.holds(word) for side in sides):
            continue
        found.append(Claim(kind, word))
    found += _same(said, source, target)
    found += _compatible(text, source, target, every=every)
    if not found:  # words that are held, of which something else is said than they hold
        found += [Claim("statement", said) for said in _not_named(text, source, target, fits)]
        found += _in_passing(text, source, target)
        found += [Claim("use", use) for use in _not_used(text, source, target)]
    if not content and not sizes and not found:
        found.append(Claim("form", "it says nothing"))
    return list(dict.fromkeys(found))


def weakened(text: str, source: ProductWords, target: ProductWords) -> str:
    """A sentence that says what the two are or are for, as one of what they are related to.

    Words of both titles make neither a kind, as "a kind of Star Wars", nor a use. Changed only
    where that is what is wrong.
    """
    if _not_used(text, source, target):
        many = words(text)[0].lower() in {"they", "these", "both", "products"}
        verb = "are" if many else "is"
        text = _USED.sub(lambda m: f"{verb} {m['both'] or ''}related to {m['said']}", text)
    if not _not_named(text, source, target, set()):
        return text
    return _IS.sub(
        lambda m: f"{m['verb']} {m['both'] or ''}related to {m['said']}" if _is_said(m) else m[0],
        text,
    )


def _is_said(match: re.Match[str]) -> list[str]:
    """Words that a sentence says a product is; none where it says what one is for or like."""
    said: list[str] = []
    for word in words(match["said"]):
        if word.lower() in FRAME:
            break
        said.append(word)
    return said


def _not_named(text: str, source: ProductWords, target: ProductWords, but: set[str]) -> list[str]:
    """What the two are said to be and neither title nor type names them so."""
    found = []
    for match in _IS.finditer(text):
        said = [word for word in _is_said(match) if word.lower() not in but]
        every = bool(match["both"]) or bool({w.lower() for w in words(text)} & EVERY)
        test = all if every else any
        if said and not test(stem(said[-1]) in side.heads for side in (source, target)):
            found.append(f"is {' '.join(said)}")
    return found


def _in_passing(text: str, source: ProductWords, target: ProductWords) -> list[Claim]:
    """A single word that the two are said to be related to, and that neither is about."""
    match = _RELATED.search(text)
    said = [w for w in words(match["said"]) if w.lower() not in FRAME] if match else []
    if len(said) != 1 or as_number(said[0]) is not None:
        return []
    about = source.about(said[0]) or target.about(said[0])
    return [] if about else [Claim("statement", f"related to {said[0]}")]


def _not_used(text: str, source: ProductWords, target: ProductWords) -> list[str]:
    """Uses that no text tells of: it has to say "for" it, "fits" it, "with" it."""
    found = []
    for match in _USED.finditer(text):
        claimed = {stem(word) for word in words(match["said"]) if word.lower() not in FRAME}
        every = bool({word.lower() for word in words(text)} & EVERY)
        test = all if every else any
        sides = ((source, target), (target, source))
        if claimed and not test(one.fits(claimed, other) for one, other in sides):
            found.append(match["said"].strip())
    return found


def tidy(text: str) -> str:
    """A generated text as a sentence: cleaned, of nobody's gender, without `because`."""
    text = clean_text(text, MOST + 100).replace('"', "").replace("“", "").replace("”", "")
    text = re.sub(r"(?i)^(?:it is |this is )?(?:because|since)\s+", "", text.strip()).strip()
    for gendered, neutral in _NEUTRAL.items():
        text = gendered.sub(neutral, text)
    text = re.sub(r"\s+([,.])", r"\1", text).rstrip(" .,")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _form(text: str) -> list[Claim]:
    first = (words(text) or [""])[0].lower()
    wrong = []
    if not text or len(text) > MOST:
        wrong.append(Claim("form", f"{len(text)} characters"))
    if odd := _ODD.search(text):
        wrong.append(Claim("form", odd.group()))
    if _SENTENCES.search(text):
        wrong.append(Claim("form", "more than one sentence"))
    if first not in OPENINGS:
        wrong.append(Claim("form", f"begins with {first[:30]!r}"))
    return wrong


def _hostile(text: str) -> list[tuple[Kind, str]]:
    kinds: dict[str, Kind] = {"link": "link", "instruction": "instruction", "praise": "praise"}
    return [(kinds[kind], said) for kind, said in hostile(text)]


def _echo(text: str, source: ProductWords, target: ProductWords) -> list[Claim]:
    said = [word.lower() for word in words(re.sub(r"[-/.'’&+]", " ", text))]
    for side in (source, target):
        runs = {tuple(side.lower[i : i + _ECHO]) for i in range(len(side.lower) - _ECHO + 1)}
        for i in range(len(said) - _ECHO + 1):
            if tuple(said[i : i + _ECHO]) in runs:
                return [Claim("echo", " ".join(said[i : i + _ECHO]))]
    return []


def _kind(word: str, before: list[str], brands: frozenset[str]) -> Kind | None:
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


def _same(said: list[str], source: ProductWords, target: ProductWords) -> list[Claim]:
    """What is said to be the same must be: the brand, the type."""
    for word, following in pairwise(word.lower() for word in said):
        if word != "same":
            continue
        if following == "brand":
            alike = bool(source.brand) and source.brand == target.brand
        elif following in {"type", "kind", "category", "sort"}:
            alike = bool(source.type) and source.type == target.type
        else:
            alike = following not in FRAME  # a word that both must hold, which is checked above
        if not alike:
            return [Claim("statement", f"same {following}")]
    return []


def _compatible(
    text: str, source: ProductWords, target: ProductWords, *, every: bool
) -> list[Claim]:
    match = _FITS.search(text)
    if match is None:
        return []
    rest = re.split(r"[,.]\s", text[match.end() :])[0]
    claimed = {stem(word) for word in words(rest) if word.lower() not in FRAME}
    fits = [source.fits(claimed, target), target.fits(claimed, source)]
    if all(fits) if every and claimed else any(fits):
        return []
    return [Claim("compatibility", f"{match.group()}{rest}".strip(" ."))]
