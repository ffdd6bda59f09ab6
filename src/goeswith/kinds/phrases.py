"""Words of titles in a normal form, and the phrases that name kinds."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_TAGS: Final = re.compile(r"<[^>]{0,200}>|&[a-z]{2,8};|&#\d{1,6};")


def words(text: str) -> list[str]:
    """The words of a text: lower case, without accents, in the singular.

    >>> words("Réd Cake Cases, 24 boxes")
    ['red', 'cake', 'case', '24', 'box']
    """
    if text.isascii() and text.replace(" ", "").isalnum():  # most names of kinds
        return [singular(word) for word in text.lower().split()]
    return [singular(word) for word in _WORD.findall(plain(text))]


def plain(text: str) -> str:
    """A text in lower case, without accents, tags and entities."""
    if "<" in text or "&" in text:
        text = _TAGS.sub(" ", text)
    if not text.isascii():
        text = "".join(
            c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)
        )
    return text.lower()


@lru_cache(maxsize=200_000)
def singular(word: str) -> str:
    """An English noun in the singular, by its ending; other words nearly as they are.

    >>> [singular(w) for w in ("boxes", "knives", "berries", "glasses", "shoes", "bus", "men's")]
    ['box', 'knife', 'berry', 'glass', 'shoe', 'bus', 'men']
    """
    word = word.replace("’", "'").removesuffix("'s").replace("'", "")
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("sses", "ches", "shes", "xes", "zes")):
        return word[:-2]
    return word[:-1]


_IRREGULAR: Final = {
    "knives": "knife",
    "wives": "wife",
    "leaves": "leaf",
    "shelves": "shelf",
    "loaves": "loaf",
    "scarves": "scarf",
    "halves": "half",
    "potatoes": "potato",
    "tomatoes": "tomato",
    "mangoes": "mango",
    "teeth": "tooth",
    "feet": "foot",
    "geese": "goose",
    "mice": "mouse",
    "children": "child",
    "womens": "women",
    "mens": "men",
    "axes": "axe",
    "movies": "movie",
    "talkies": "talkie",
    "onesies": "onesie",
    "selfies": "selfie",
    "veggies": "veggie",
    "zombies": "zombie",
    "pixies": "pixie",
    "calories": "calorie",
    "teddies": "teddy",
    "goodies": "goodie",
    "birdies": "birdie",
    "undies": "undie",
    "booties": "bootie",
    "walkies": "walkie",
    "genies": "genie",
    "magpies": "magpie",
    "necties": "nectie",
    "bikinis": "bikini",
    "cookies": "cookie",
    "brownies": "brownie",
    "smoothies": "smoothie",
    "hoodies": "hoodie",
    "beanies": "beanie",
    "ties": "tie",
    "pies": "pie",
    "lenses": "lens",
    "lens": "lens",
    "gas": "gas",
    "canvas": "canvas",
    "pyjamas": "pyjama",
    "pajamas": "pajama",
    "trousers": "trouser",
    "jeans": "jean",
    "christmas": "christmas",
    "atlas": "atlas",
    "quiches": "quiche",
    "niches": "niche",
    "caches": "cache",
    "headaches": "headache",
    "toothaches": "toothache",
    "moustaches": "moustache",
    "avocadoes": "avocado",
    "axles": "axle",
}


@dataclass(frozen=True)
class Phrase:
    """Words that name a kind: a run of words, others that must be there, others that must not.

    `a + b` is a with b anywhere in the title, `a - b` a without b anywhere; both may repeat. `~a`
    is a weak phrase: it counts half, so that it decides only where nothing else does.

    Attributes:
        anchor: words that stand next to each other.
        present: more phrases that must be in the title.
        absent: phrases that must not be.
        weak: whether it decides only where nothing else does.
    """

    anchor: tuple[str, ...]
    present: tuple[tuple[str, ...], ...] = ()
    absent: tuple[tuple[str, ...], ...] = ()
    weak: bool = False

    @classmethod
    def from_text(cls, text: str) -> Phrase:
        """Read a phrase.

        >>> Phrase.from_text("bottle opener + steel - baby")
        Phrase(anchor=('bottle', 'opener'), present=(('steel',),), absent=(('baby',),), weak=False)
        """
        weak = text.startswith("~")
        if "+" not in text and "-" not in text:  # the frequent case
            return cls(tuple(words(text.removeprefix("~"))), weak=weak)
        parts = re.split(r"\s([+-])\s", text.removeprefix("~"))
        present: list[tuple[str, ...]] = []
        absent: list[tuple[str, ...]] = []
        for sign, part in zip(parts[1::2], parts[2::2], strict=True):
            (present if sign == "+" else absent).append(tuple(words(part)))
        return cls(tuple(words(parts[0])), tuple(present), tuple(absent), weak)

    @property
    def length(self) -> int:
        """Words that have to be in the title."""
        return len(self.anchor) + sum(len(part) for part in self.present)
